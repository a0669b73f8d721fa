import { resourceClasses as classesContract, traits as traitsContract } from '../../contract/placement/names.ts';
import { badRequest } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { createClass, demandClasses, demandTrait, ensureName, listClasses, listTraits, removeClass, removeTrait, renameClass } from './names.ts';
import { selectUsedTraits } from './names.store.ts';
import { asOf } from './freshness.ts';

const custom = '^CUSTOM_[A-Z0-9_]+$';
const mostLetters = 255;

export const resourceClasses = implement(classesContract, {
  async list({ tx, now }) {
    return new Answer({ resource_classes: (await listClasses(tx)).map(asClass) }, { headers: asOf(now) });
  },
  async create(request) {
    await createClass(request, request.body.name);
    return new Answer(undefined, { headers: { location: pathOf(request.body.name) } });
  },
  async show({ tx, params, now }) {
    await demandClasses(tx, [params.name]);
    return new Answer(asClass(params.name), { headers: asOf(now) });
  },
  async update(request) {
    const { name } = request.params;
    const newName = request.body?.rename;
    if (newName !== undefined) {
      await renameClass(request, name, newName);
      return new Answer(asClass(newName) as never, { status: 200 });
    }
    if (name.length > mostLetters) throw badRequest(`JSON does not validate: '${name.slice(0, 60)}' is too long\n\nFailed validating 'maxLength' in schema`);
    if (!new RegExp(custom).test(name)) throw badRequest(`JSON does not validate: '${name.slice(0, 60)}' does not match '${custom}'\n\nFailed validating 'pattern' in schema`);
    const made = await ensureName(request, 'resource_class', name);
    return new Answer(undefined, { status: made ? 201 : 204, headers: { location: pathOf(name) } });
  },
  async delete(request) {
    await removeClass(request, request.params.name);
  },
});

export const traits = implement(traitsContract, {
  async list({ tx, query, now }) {
    const { name, associated } = query;
    const used = associated === undefined ? undefined : await selectUsedTraits(tx);
    const wanted = name?.startsWith('in:') ? new Set(name.slice(3).split(',')) : undefined;
    const start = name?.startsWith('startswith:') ? name.slice('startswith:'.length) : '';
    const found = (await listTraits(tx)).filter((trait) => trait.startsWith(start) && (wanted === undefined || wanted.has(trait)) && (used === undefined || used.has(trait) === (associated?.toLowerCase() === 'true')));
    return new Answer({ traits: found }, { headers: asOf(now) });
  },
  async show({ tx, params, now }) {
    await demandTrait(tx, params.name);
    return new Answer(undefined, { headers: asOf(now) });
  },
  async create(request) {
    const { name } = request.params;
    if (name.length > mostLetters || !new RegExp(custom).test(name)) throw badRequest('The trait is invalid. A valid trait must be no longer than 255 characters, start with the prefix "CUSTOM_" and use following characters: "A"-"Z", "0"-"9" and "_"');
    const made = await ensureName(request, 'trait', name);
    return new Answer(undefined, { status: made ? 201 : 204, headers: { ...asOf(request.now), location: `/placement/traits/${name}` } });
  },
  async delete(request) {
    await removeTrait(request, request.params.name);
  },
});

function asClass(name: string) {
  return { name, links: [{ rel: 'self', href: pathOf(name) }] };
}

function pathOf(name: string): string {
  return `/placement/resource_classes/${name}`;
}
