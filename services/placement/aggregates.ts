/**
 * Groups of hosts with a name and metadata, as Nova knows them. Who is in one is said once, for Nova's API and for
 * placement's, and the availability zone of a host follows from it. nova/compute/api.py, AggregateAPI
 */
import { emit } from '../../kit/events/events.ts';
import { badRequest, conflict, notFound, type Fault } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { deleteAggregateRow, deleteMember, insertAggregate, insertMember, lockAggregate, selectAggregate, selectAggregates, updateAggregateRow, updateZones, type Aggregate } from './aggregates.store.ts';
import { listHosts, tellHost, type Host } from './hosts.ts';

export type { Aggregate } from './aggregates.store.ts';

type Change = Pick<Context, 'tx' | 'now' | 'requestId' | 'random'>;

const zoneKey = 'availability_zone';

export function listAggregates(tx: Transaction): Promise<Aggregate[]> {
  return selectAggregates(tx);
}

export async function getAggregate(tx: Transaction, number: number): Promise<Aggregate> {
  return (await selectAggregate(tx, number)) ?? refuse(notFound(`Aggregate ${number} could not be found.`));
}

export async function createAggregate(context: Change, name: string, zone: string | null): Promise<Aggregate> {
  const { tx, now, random } = context;
  const number = await insertAggregate(tx, { id: random.uuid(), name, metadata: zone === null ? {} : { [zoneKey]: zone } }, now);
  if (number === undefined) throw conflict(`Aggregate ${name} already exists.`);
  await tellAggregate(context, number, 'create');
  return getAggregate(tx, number);
}

/** Null takes a key of the metadata away. `serversOn`: how many servers these hosts have. */
export async function updateAggregate(context: Change, number: number, changes: { name?: string; metadata?: Record<string, string | null> }, said: string, serversOn: (hostIds: string[]) => Promise<number>): Promise<Aggregate> {
  const { tx, now } = context;
  const aggregate = await locked(tx, number);
  const { name = aggregate.name, metadata = {} } = changes;
  if (zoneKey in metadata) await demandZone(tx, aggregate, metadata[zoneKey] ?? null, said, serversOn);
  const merged = Object.entries({ ...aggregate.metadata, ...metadata }).filter((entry): entry is [string, string] => entry[1] !== null);
  if (!(await updateAggregateRow(tx, aggregate.id, { name, metadata: Object.fromEntries(merged) }, now))) throw conflict(`Aggregate ${name} already exists.`);
  await moveZones(context);
  await tellAggregate(context, number, 'update');
  return getAggregate(tx, number);
}

async function demandZone(tx: Transaction, aggregate: Aggregate, zone: string | null, said: string, serversOn: (hostIds: string[]) => Promise<number>): Promise<void> {
  const because = (reason: string) => badRequest(`Cannot update ${said}aggregate ${aggregate.number}. Reason: ${reason}.`);
  if (zone === null || zone === '') throw because(`Aggregate ${aggregate.name} does not support empty named availability zone`);
  const others = await otherZones(tx, aggregate, aggregate.hosts);
  const conflicting = others.filter((other) => other !== zone);
  if (conflicting.length > 0) throw because(`One or more hosts already in availability zone(s) ${quoted(conflicting)}`);
  const members = (await listHosts(tx)).filter(({ hostname }) => aggregate.hosts.includes(hostname)).map(({ id }) => id);
  if (zone !== aggregate.metadata[zoneKey] && (await serversOn(members)) > 0) throw because('One or more hosts contain instances in this zone');
}

export async function deleteAggregate(context: Change, number: number): Promise<void> {
  const aggregate = await locked(context.tx, number);
  if (aggregate.hosts.length > 0) throw badRequest(`Cannot remove host from aggregate ${number}. Reason: Host aggregate is not empty.`);
  await deleteAggregateRow(context.tx, aggregate.id);
  await tellAggregate(context, number, 'delete');
}

export async function addHost(context: Change, number: number, hostname: string, serversOn: (hostIds: string[]) => Promise<number>): Promise<Aggregate> {
  const { tx } = context;
  const host = await hostNamed(tx, hostname);
  if (!host) throw notFound(`Compute host ${hostname} could not be found.`);
  const aggregate = await locked(tx, number);
  const because = (reason: string) => conflict(`Cannot add host to aggregate ${number}. Reason: ${reason}.`);
  const zone = aggregate.metadata[zoneKey];
  if (zone !== undefined) {
    const others = await otherZones(tx, aggregate, [hostname]);
    const conflicting = others.filter((other) => other !== zone);
    if (conflicting.length > 0) throw because(`One or more hosts already in availability zone(s) ${quoted(conflicting)}`);
    if (others.length === 0) await demandNoMove(host, null, zone, 'added to', because, serversOn);
  }
  if (!(await insertMember(tx, aggregate.id, host.id))) throw conflict(`Aggregate ${number} already has host ${hostname}.`);
  await moveZones(context);
  await tellAggregate(context, number, 'addhost');
  return getAggregate(tx, number);
}

export async function removeHostFrom(context: Change, number: number, hostname: string, serversOn: (hostIds: string[]) => Promise<number>): Promise<Aggregate> {
  const { tx } = context;
  const [aggregate, host] = [await locked(tx, number), await hostNamed(tx, hostname)];
  if (!host || !aggregate.hosts.includes(hostname)) throw notFound(`Cannot remove host ${hostname} in aggregate ${number}`);
  const zone = aggregate.metadata[zoneKey];
  const others = await otherZones(tx, aggregate, [hostname]);
  if (zone !== undefined && others.length === 0)
    await demandNoMove(host, zone, null, 'removed from', (reason) => conflict(`Cannot remove host from aggregate ${number}. Reason: ${reason}.`), serversOn);
  await deleteMember(tx, aggregate.id, host.id);
  await moveZones(context);
  await tellAggregate(context, number, 'removehost');
  return getAggregate(tx, number);
}

/** Servers do not move from zone to zone because their host does. */
async function demandNoMove(host: Host, from: string | null, to: string | null, how: string, because: (reason: string) => Fault, serversOn: (hostIds: string[]) => Promise<number>): Promise<void> {
  const count = await serversOn([host.id]);
  if (count === 0) return;
  throw because(
    `The host cannot be ${how} the aggregate as the availability zone of the host would change from '${from ?? 'None'}' to '${to ?? 'None'}' but the host already has ${count} instance(s). ` +
      'Changing the AZ of an existing instance is not supported by this action. Move the instances away from this host then try again. If you need to move the instances between AZs then you can use shelve_offload and unshelve to achieve this.',
  );
}

/** After a change of who is in what: zones follow. */
export async function moveZones({ tx, now, requestId }: Pick<Change, 'tx' | 'now' | 'requestId'>): Promise<void> {
  for (const host of await updateZones(tx)) await tellHost(tx, now, host, requestId);
}

async function otherZones(tx: Transaction, aggregate: Aggregate, hosts: readonly string[]): Promise<string[]> {
  return (await selectAggregates(tx))
    .filter((each) => each.id !== aggregate.id && each.hosts.some((host) => hosts.includes(host)))
    .flatMap(({ metadata }) => metadata[zoneKey] ?? []);
}

async function hostNamed(tx: Transaction, hostname: string): Promise<Host | undefined> {
  return (await listHosts(tx)).find((host) => host.hostname === hostname);
}

async function locked(tx: Transaction, number: number): Promise<Aggregate> {
  return (await lockAggregate(tx, number)) ?? refuse(notFound(`Aggregate ${number} could not be found.`));
}

function tellAggregate({ tx, now, requestId }: Change, number: number, verb: string): Promise<void> {
  return emit(tx, { now: () => now }, { type: `aggregate.${verb}.end`, resource: 'aggregate', resourceId: String(number), requestId, payload: {} });
}

/** As Python writes a list of texts. */
function quoted(list: readonly string[]): string {
  return `[${list.map((each) => `'${each}'`).join(', ')}]`;
}

function refuse(fault: Fault): never {
  throw fault;
}
