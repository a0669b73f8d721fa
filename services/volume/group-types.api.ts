/** The door of kinds of groups. */
import { groupTypes as contract } from '../../contract/volume/group-types.ts';
import { badRequest, notFound } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { changeGroupType, createGroupType, deleteGroupSpec, deleteGroupType, getGroupType, listGroupTypes, setGroupSpecs, type GroupType } from './group-types.ts';
import { cut, readPage } from './lists.ts';
import { isTrue, nextLinks } from './shapes.ts';

type Asked = { caller: { isAdmin: boolean } };

export const groupTypes = implement(contract, {
  async list(request) {
    const query = readPage(request.query, []);
    const wanted = request.query.is_public?.toLowerCase();
    const found = await listGroupTypes(request, query, { publicOnly: wanted === undefined ? true : wanted === 'none' ? undefined : isTrue(wanted) });
    const { page, next } = cut(found, query.limit, request.page);
    return new Answer({ group_types: page.map((type) => shown(request, type)), ...(next === undefined ? {} : { group_type_links: nextLinks(next)! }) }, { next });
  },

  // cinder: default_group_type, which nobody has set.
  default: () => Promise.reject(notFound('Default group type can not be found.')),
  show: async (request) => ({ group_type: shown(request, await getGroupType(request, request.params.group_type_id)) }),

  async create(request) {
    const { name, description, is_public: isPublic, group_specs: specs } = request.body.group_type;
    return { group_type: shown(request, await createGroupType(request, { name: name.trim(), description: description?.trim() ?? null, isPublic: isPublic === undefined || isTrue(isPublic), specs: specs ?? {} })) };
  },

  async update(request) {
    const { name, description, is_public: isPublic } = request.body.group_type;
    return { group_type: shown(request, await changeGroupType(request, request.params.group_type_id, { name, description, isPublic: isPublic === undefined ? undefined : isTrue(isPublic) })) };
  },

  async delete(request) {
    await deleteGroupType(request, request.params.group_type_id);
    return undefined;
  },

  specs: async (request) => ({ group_specs: (await getGroupType(request, request.params.group_type_id)).specs }),
  addSpecs: async (request) => ({ group_specs: await setGroupSpecs(request, request.params.group_type_id, request.body.group_specs) }),

  async spec(request) {
    const { group_type_id: id, key } = request.params;
    const { specs } = await getGroupType(request, id);
    if (!Object.hasOwn(specs, key)) throw notFound(`Group Type ${id} has no extra spec with key ${key}.`);
    return { [key]: specs[key] ?? null };
  },

  async setSpec(request) {
    const { group_type_id: id, key } = request.params;
    if (!Object.hasOwn(request.body, key)) throw badRequest('Request body and URI mismatch');
    return setGroupSpecs(request, id, request.body);
  },

  async deleteSpec(request) {
    await deleteGroupSpec(request, request.params.group_type_id, request.params.key);
    return undefined;
  },
});

function shown({ caller }: Asked, { id, name, description, public: isPublic, specs }: GroupType) {
  return { id, name, description, is_public: isPublic, ...(caller.isAdmin ? { group_specs: specs } : {}) };
}
