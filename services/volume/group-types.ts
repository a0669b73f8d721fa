/** What kinds of groups of volumes there are: cinder/volume/group_types.py. */
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Sql } from '../../kit/postgres/database.ts';
import { deleteGroupTypeRow, findGroupType, insertGroupType, isNameTaken, selectGroupTypes, updateGroupType, type GroupType } from './group-types.store.ts';
import { isGroupTypeUsed } from './groups.store.ts';
import { readFilters, type ListQuery } from './lists.ts';
import { tellGroupType } from './volume-events.ts';

export type { GroupType } from './group-types.store.ts';

/** cinder/volume/group_types.py, DEFAULT_CGSNAPSHOT_TYPE. */
const consistent = 'default_cgsnapshot_type';

const sortable: Record<string, Sql> = { created_at: sql.raw('g.created_at'), name: sql.raw('g.name'), id: sql.raw('g.id') };

/** Cinder shows private ones to administrators only: they have no list of projects. */
export async function listGroupTypes(context: Context, query: ListQuery, { publicOnly }: { publicOnly: boolean | undefined }): Promise<GroupType[]> {
  const { conditions, order, beyond } = await readFilters(context, query, { sortable, filterable: {}, columns: { name: sql.raw('g.name'), metadata: sql.raw('g.specs'), project: sql.raw('null') }, table: sql.raw('volume.group_type g'), id: sql.raw('g.id'), noun: 'Group type', ofNoProject: true });
  const isPublic = context.caller.isAdmin ? publicOnly : true;
  return selectGroupTypes(context.tx, { conditions: [...conditions, ...beyond, isPublic === undefined ? sql`true` : sql`g.public = ${isPublic}`], order, limit: query.limit, offset: query.offset });
}

export async function getGroupType({ tx }: Pick<Context, 'tx'>, id: string): Promise<GroupType> {
  const type = await findGroupType(tx, id);
  if (!type) throw notFound(`Group type ${id} could not be found.`);
  return type;
}

export async function groupTypeFor({ tx }: Pick<Context, 'tx'>, nameOrId: string): Promise<GroupType> {
  const type = await findGroupType(tx, nameOrId, { byName: true });
  if (!type) throw notFound(`Group type with name ${nameOrId} could not be found.`);
  return type;
}

/** Of the groups that are made as consistency groups. */
export async function consistentGroupType({ tx }: Pick<Context, 'tx'>): Promise<GroupType> {
  const type = await findGroupType(tx, consistent, { byName: true });
  if (!type) throw badRequest(`Group type ${consistent} not found. Rerun migration script to create the default cgsnapshot type.`);
  return type;
}

/** cinder/api/v3/groups.py, _check_default_cgsnapshot_type: what is of that type is changed through the doors of consistency groups only. */
export async function demandPlainGroupType({ tx }: Pick<Context, 'tx'>, nameOrId: string): Promise<void> {
  const type = await findGroupType(tx, nameOrId, { byName: true });
  if (type?.name === consistent) throw badRequest(`Group_type ${type.id} is reserved for migrating CGs to groups. Migrated group can only be operated by CG APIs.`);
}

export async function createGroupType(context: Context, { name, description, isPublic, specs }: { name: string; description: string | null; isPublic: boolean; specs: GroupType['specs'] }): Promise<GroupType> {
  const type = { id: context.random.uuid(), name, description, public: isPublic, specs };
  if ((await insertGroupType(context.tx, type, context.now)) === 0) throw conflict(`Group Type ${name} already exists.`);
  await tellGroupType(context, 'group_type.create', type);
  return type;
}

export async function changeGroupType(context: Context, id: string, { name, description, isPublic }: { name: string | null | undefined; description: string | null | undefined; isPublic: boolean | undefined }): Promise<GroupType> {
  const type = await getGroupType(context, id);
  if (name != null && name.trim() === '') throw badRequest('Group type name can not be empty.');
  if (name == null && description == null && isPublic === undefined) throw badRequest('Specify group type name, description or a combination thereof.');
  if (name != null && (await isNameTaken(context.tx, { id, name }))) throw conflict(`Group Type ${name} already exists.`);
  return write(context, { ...type, name: name ?? type.name, description: description ?? type.description, public: isPublic ?? type.public }, 'group_type.update');
}

export async function deleteGroupType(context: Context, id: string): Promise<void> {
  const type = await getGroupType(context, id);
  if (await isGroupTypeUsed(context.tx, id)) throw badRequest('Target group type is still in use.');
  await deleteGroupTypeRow(context.tx, id);
  await tellGroupType(context, 'group_type.delete', type);
}

export async function setGroupSpecs(context: Context, id: string, specs: GroupType['specs']): Promise<GroupType['specs']> {
  const type = await getGroupType(context, id);
  await write(context, { ...type, specs: { ...type.specs, ...specs } }, 'group_type_specs.create');
  return specs;
}

export async function deleteGroupSpec(context: Context, id: string, key: string): Promise<void> {
  const type = await getGroupType(context, id);
  if (!Object.hasOwn(type.specs, key)) throw notFound(`Group Type ${id} has no specs with key ${key}.`);
  await write(context, { ...type, specs: Object.fromEntries(Object.entries(type.specs).filter(([name]) => name !== key)) }, 'group_type_specs.delete');
}

async function write(context: Context, type: GroupType, event: string): Promise<GroupType> {
  await updateGroupType(context.tx, type);
  await tellGroupType(context, event, type);
  return type;
}
