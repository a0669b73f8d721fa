/** How fast volumes are to be: cinder/volume/qos_specs.py. */
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Sql } from '../../kit/postgres/database.ts';
import { readFilters, type ListQuery } from './lists.ts';
import { deleteQosSpecRow, findQosSpec, insertQosSpec, selectQosSpecs, setTypeQos, typesWithQos, updateQosSpec, type Consumer, type QosSpec } from './qos-specs.store.ts';
import { getType } from './types.ts';
import { tellQosSpec, tellType } from './volume-events.ts';

export type { QosSpec } from './qos-specs.store.ts';

const sortable: Record<string, Sql> = { created_at: sql.raw('q.created_at'), name: sql.raw('q.name'), consumer: sql.raw('q.consumer'), id: sql.raw('q.id') };

export async function listQosSpecs(context: Context, query: ListQuery): Promise<QosSpec[]> {
  const { conditions, order, beyond } = await readFilters(context, query, { sortable, filterable: sortable, columns: { name: sql.raw('q.name'), metadata: sql.raw('q.specs'), project: sql.raw('null') }, table: sql.raw('volume.qos_spec q'), id: sql.raw('q.id'), noun: 'QoS specs', ofNoProject: true });
  return selectQosSpecs(context.tx, { conditions: [...conditions, ...beyond], order, limit: query.limit, offset: query.offset });
}

export async function getQosSpec({ tx }: Pick<Context, 'tx'>, id: string): Promise<QosSpec> {
  const found = await findQosSpec(tx, id);
  if (!found) throw notFound(`No such qos spec ${id}.`);
  return found;
}

export async function createQosSpec(context: Context, name: string, { consumer = 'back-end', ...specs }: Record<string, string | null>): Promise<QosSpec> {
  const made = { id: context.random.uuid(), name, consumer: consumerOf(consumer), specs };
  if ((await insertQosSpec(context.tx, made, context.now)) === 0) throw conflict(`QoS Specs ${name} already exists.`);
  await tellQosSpec(context, 'qos_specs.create', made);
  return made;
}

export async function changeQosSpec(context: Context, id: string, { consumer, ...specs }: Record<string, string | null>): Promise<void> {
  const found = await getQosSpec(context, id);
  const changed = { ...found, consumer: consumer === undefined ? found.consumer : consumerOf(consumer), specs: { ...found.specs, ...specs } };
  await updateQosSpec(context.tx, changed);
  await tellQosSpec(context, 'qos_specs.update', changed);
}

export async function deleteQosKeys(context: Context, id: string, keys: readonly string[]): Promise<void> {
  const found = await getQosSpec(context, id);
  const missing = keys.find((key) => !Object.hasOwn(found.specs, key));
  if (missing !== undefined) throw notFound(`QoS spec ${id} has no spec with key ${missing}.`);
  const changed = { ...found, specs: Object.fromEntries(Object.entries(found.specs).filter(([key]) => !keys.includes(key))) };
  await updateQosSpec(context.tx, changed);
  await tellQosSpec(context, 'qos_specs.delete', changed);
}

export async function deleteQosSpec(context: Context, id: string, { force }: { force: boolean }): Promise<void> {
  const found = await getQosSpec(context, id);
  if (force) await setTypeQos(context.tx, { from: id, to: null });
  else if ((await typesWithQos(context.tx, id)).length > 0) throw badRequest('Qos specs still in use.');
  await deleteQosSpecRow(context.tx, id);
  await tellQosSpec(context, 'qos_specs.delete', found);
}

export async function typesOfQosSpec(context: Context, id: string): Promise<{ id: string; name: string }[]> {
  await getQosSpec(context, id);
  return typesWithQos(context.tx, id);
}

export async function associate(context: Context, id: string, typeId: string | undefined): Promise<void> {
  const found = await getQosSpec(context, id);
  const type = await getType(context, demandTypeId(typeId));
  if (type.qosId !== null && type.qosId !== id) throw badRequest(`Invalid volume type: Type ${type.id} is already associated with another qos specs: ${type.qosId}`);
  await setTypeQos(context.tx, { typeId: type.id, to: id });
  await tellQosSpec(context, 'qos_specs.associate', found);
  await tellType(context, 'volume_type.update', type);
}

export async function disassociate(context: Context, id: string, typeId: string | undefined): Promise<void> {
  const found = await getQosSpec(context, id);
  const type = await getType(context, demandTypeId(typeId));
  await setTypeQos(context.tx, { typeId: type.id, from: id, to: null });
  await tellQosSpec(context, 'qos_specs.disassociate', found);
  await tellType(context, 'volume_type.update', type);
}

export async function disassociateAll(context: Context, id: string): Promise<void> {
  const found = await getQosSpec(context, id);
  await setTypeQos(context.tx, { from: id, to: null });
  await tellQosSpec(context, 'qos_specs.disassociate', found);
}

function demandTypeId(typeId: string | undefined): string {
  if (typeId === undefined || typeId === '') throw badRequest('Volume Type id must not be None.');
  return typeId;
}

function consumerOf(given: string | null): Consumer {
  if (given !== 'front-end' && given !== 'back-end' && given !== 'both') throw badRequest(`Invalid qos specs: Valid consumer of QoS specs are: ['front-end', 'back-end', 'both']`);
  return given;
}
