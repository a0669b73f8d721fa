/** The types of volumes that name none, project by project: cinder/api/v3/default_types.py. */
import { badRequest, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { deleteDefaultType, findDefaultType, selectDefaultTypes, upsertDefaultType, type DefaultType } from './default-types.store.ts';
import { findTypeByNameOrId } from './types.store.ts';
import { tellDefaultType } from './volume-events.ts';

export type { DefaultType } from './default-types.store.ts';

export function listDefaultTypes({ tx }: Pick<Context, 'tx'>): Promise<DefaultType[]> {
  return selectDefaultTypes(tx);
}

export async function getDefaultType({ tx }: Pick<Context, 'tx'>, projectId: string): Promise<DefaultType> {
  const found = await findDefaultType(tx, projectId);
  if (!found) throw notFound(`Default type for project ${projectId} not found.`);
  return found;
}

export async function setDefaultType(context: Context, projectId: string, nameOrId: string): Promise<DefaultType> {
  const type = await findTypeByNameOrId(context.tx, undefined, nameOrId);
  if (!type) throw badRequest(`Volume type ${nameOrId} could not be found.`);
  const wanted = { projectId, typeId: type.id };
  await upsertDefaultType(context.tx, wanted);
  await tellDefaultType(context, wanted);
  return wanted;
}

export async function unsetDefaultType(context: Context, projectId: string): Promise<void> {
  if ((await deleteDefaultType(context.tx, projectId)) > 0) await tellDefaultType(context, { projectId });
}
