/** Volume types: cinder/volume/volume_types.py. They say nothing yet to the storage; volumes carry them. */
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type VolumeType = { id: string; name: string; description: string | null; public: boolean; extraSpecs: Record<string, string> };

const columns = sql.raw('id, name, description, public, extra_specs as "extraSpecs"');
const defaultName = '__DEFAULT__';

type Looking = Pick<Context, 'tx' | 'caller'>;

export function listTypes(context: Looking, { publicOnly }: { publicOnly?: boolean | undefined } = {}): Promise<VolumeType[]> {
  return context.tx.rows<VolumeType>`select ${columns} from volume.type where ${visible(context)} and ${publicOnly === undefined ? sql`true` : sql`public = ${publicOnly}`} order by created_at desc, id`;
}

export async function getType(context: Looking, id: string): Promise<VolumeType> {
  const type = await context.tx.one<VolumeType>`select ${columns} from volume.type where id = ${id} and ${visible(context)}`;
  if (!type) throw notFound(`Volume type ${id} could not be found.`);
  return type;
}

export function defaultType(context: Looking): Promise<VolumeType> {
  return typeForVolume(context, defaultName);
}

/** By id or name; the default one without. */
export async function typeForVolume(context: Looking, nameOrId: string | null | undefined): Promise<VolumeType> {
  const wanted = nameOrId ?? defaultName;
  const [type] = await context.tx.rows<VolumeType>`select ${columns} from volume.type where (id = ${wanted} or name = ${wanted}) and ${visible(context)} order by id = ${wanted} desc limit 1`;
  if (!type) throw notFound(`Volume type with name ${wanted} could not be found.`);
  return type;
}

export async function createType({ tx }: Context, { name, description, isPublic, extraSpecs }: { name: string; description: string | null; isPublic: boolean; extraSpecs: Record<string, string> }): Promise<VolumeType> {
  const made = await tx.one<VolumeType>`
    insert into volume.type (name, description, public, extra_specs) values (${name}, ${description}, ${isPublic}, ${sql.json(extraSpecs)}::jsonb) on conflict (name) do nothing returning ${columns}`;
  if (!made) throw conflict(`Volume Type ${name} already exists.`);
  return made;
}

export async function updateType(context: Context, id: string, { name, description, isPublic }: { name?: string | null | undefined; description?: string | null | undefined; isPublic?: boolean | undefined }): Promise<VolumeType> {
  const type = await getType(context, id);
  if (name === '') throw badRequest('Volume type name can not be empty.');
  await context.tx.run`update volume.type set name = ${name ?? type.name}, description = ${description ?? type.description}, public = ${isPublic ?? type.public} where id = ${id}`;
  return getType(context, id);
}

export async function deleteType(context: Context, id: string): Promise<void> {
  const type = await getType(context, id);
  if (type.name === defaultName) throw badRequest(`The volume type ${id} is a default volume type and cannot be deleted.`);
  const [user] = await context.tx.rows<{ id: string }>`select id from volume.volume where type_id = ${id} limit 1`;
  if (user) throw badRequest(`Target volume type is still in use.`);
  await context.tx.run`delete from volume.type where id = ${id}`;
}

export async function setSpecs(context: Context, id: string, specs: Record<string, string>): Promise<Record<string, string>> {
  await getType(context, id);
  await context.tx.run`update volume.type set extra_specs = extra_specs || ${sql.json(specs)}::jsonb where id = ${id}`;
  return specs;
}

export async function deleteSpec(context: Context, id: string, key: string): Promise<void> {
  const type = await getType(context, id);
  if (!Object.hasOwn(type.extraSpecs, key)) throw notFound(`Volume Type ${id} has no extra specs with key ${key}.`);
  await context.tx.run`update volume.type set extra_specs = extra_specs - ${key}::text where id = ${id}`;
}

// Who may use a private type

export async function accessOf(context: Context, id: string): Promise<string[]> {
  const type = await getType(context, id);
  if (type.public) throw notFound(`Access list not available for public volume types.`);
  return (await context.tx.rows<{ projectId: string }>`select project_id as "projectId" from volume.type_access where type_id = ${id} order by project_id`).map(({ projectId }) => projectId);
}

export async function setAccess(context: Context, id: string, projectId: string, allowed: boolean): Promise<void> {
  const type = await getType(context, id);
  if (type.public) throw conflict('Project access cannot be modified for public volume types.');
  const changed = await (allowed ? allow(context.tx, id, projectId) : context.tx.run`delete from volume.type_access where type_id = ${id} and project_id = ${projectId}`);
  if (changed === 0) throw allowed ? conflict(`Volume type access for ${id} / ${projectId} combination already exists.`) : notFound(`Volume type access not found for ${id} / ${projectId} combination.`);
}

function allow(tx: Transaction, id: string, projectId: string): Promise<number> {
  return tx.run`insert into volume.type_access (type_id, project_id) values (${id}, ${projectId}) on conflict do nothing`;
}

function visible({ caller }: Pick<Context, 'caller'>): Sql {
  return caller.isAdmin ? sql`true` : sql`(public or exists (select from volume.type_access where type_id = id and project_id = ${caller.projectId ?? ''}))`;
}
