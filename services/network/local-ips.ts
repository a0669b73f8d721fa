/** Addresses that lead guests to a port on their own host, whichever answers there: neutron/db/local_ip_db.py. */
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { parseAddress } from './addresses.ts';
import { isElsewhere } from './agents.ts';
import { mark, tell, type Change } from './changes.ts';
import { takeAddresses } from './fixed-ips.ts';
import { byText, standardFilters, standardSorts, type Listing } from './listing.ts';
import { associationTable, deleteAssociation, insertAssociation, localIpColumns, localIpTable, portsAround, selectAssociations, type LocalIp, type LocalIpAssociation } from './local-ips.store.ts';
import { getNetwork } from './networks.ts';
import { deleteRow, getRow, insertRow, lockedRow, updateRow, type Noun } from './noun.ts';
import { notAllowed, ownerOf } from './owners.ts';
import { deletePortRows, findPort, insertPort, type Port } from './ports.store.ts';
import { canonicalAddress } from './subnets.ts';
import { subnetsOfNetwork } from './subnets.store.ts';

export type { LocalIp, LocalIpAssociation } from './local-ips.store.ts';
export type LocalIpWish = {
  project_id?: string; tenant_id?: string; name?: string; description?: string; local_port_id?: string; network_id?: string; local_ip_address?: string | null; ip_mode?: LocalIp['ip_mode'];
};

const ownOwner = 'network:local_ip';

export const localIpNoun: Noun<LocalIp> = {
  resource: 'local_ip',
  table: localIpTable,
  columns: localIpColumns,
  notThere: (id) => notFound(`Local IP ${id} could not be found.`, 'LocalIPNotFound'),
};

export const localIpListing: Listing = {
  collection: 'local_ips',
  table: localIpTable,
  filters: {
    ...standardFilters(), name: byText(sql`r.name`), local_port_id: byText(sql`r.local_port_id`), network_id: byText(sql`r.network_id`), local_ip_address: byText(sql`host(r.local_ip_address)`), ip_mode: byText(sql`r.ip_mode`),
  },
  sorts: { ...standardSorts, name: sql`r.name`, local_port_id: sql`r.local_port_id`, network_id: sql`r.network_id`, local_ip_address: sql`r.local_ip_address`, ip_mode: sql`r.ip_mode` },
};

export const associationListing: Listing = {
  collection: 'port_associations',
  table: associationTable,
  filters: { local_ip_address: byText(sql`r.local_ip_address`), fixed_port_id: byText(sql`r.fixed_port_id`), fixed_ip: byText(sql`r.fixed_ip`), host: byText(sql`r.host`) },
  sorts: { id: sql`r.id`, local_ip_address: sql`r.local_ip_address`, fixed_port_id: sql`r.fixed_port_id`, fixed_ip: sql`r.fixed_ip`, host: sql`r.host` },
};

export async function createLocalIp(context: Context, wish: LocalIpWish): Promise<LocalIp> {
  const { tx, now, random } = context;
  const project_id = ownerOf(context, wish);
  if (await isElsewhere(context)) throw badRequest('Bad local_ip request: This region is a cloud of a partner, which is not asked for local IPs.', 'BadRequest');
  const id = random.uuid();
  const wanted = wish.local_ip_address ?? null;
  if (wanted !== null && !parseAddress(wanted)) throw badRequest(`Invalid input for local_ip_address. Reason: '${wanted}' is not a valid IP address.`, 'HTTPBadRequest');
  if (wish.local_port_id === undefined && wish.network_id === undefined) throw badRequest('Either Port ID or Network ID must be specified for Local IP create.', 'LocalIPPortOrNetworkRequired');
  const port = wish.local_port_id === undefined ? await makePort(context, { id, project_id, networkId: wish.network_id!, wanted }) : await portOf(context, 'local_ip', wish.local_port_id);
  const local_ip_address = addressOf(port, wanted);
  await insertRow(tx, localIpNoun, {
    id, project_id, name: wish.name ?? '', description: wish.description ?? '', local_port_id: port.id, network_id: port.network_id, local_ip_address, ip_mode: wish.ip_mode ?? 'translate', created_at: now, updated_at: now,
  });
  const localIp = await getRow(context, localIpNoun, id);
  await tell(context, 'local_ip', 'create', localIp, { name: localIp.name });
  return localIp;
}

export async function updateLocalIp(context: Context, id: string, { name, description }: { name?: string; description?: string }): Promise<LocalIp> {
  const before = await lockedRow(context, localIpNoun, id, 'update');
  await updateRow(context.tx, localIpNoun, id, { name, description, revision_number: before.revision_number + 1, updated_at: context.now });
  const localIp = await getRow(context, localIpNoun, id);
  await tell(context, 'local_ip', 'update', localIp);
  return localIp;
}

export async function deleteLocalIp(context: Context, id: string): Promise<void> {
  const { tx } = context;
  const localIp = await lockedRow(context, localIpNoun, id, 'delete');
  if ((await selectAssociations(tx, sql`r.local_ip_id = ${id} limit 1`)).length > 0) throw conflict(`Local IP ${id} is still associated with one or more ports.`, 'LocalIPInUse');
  await deleteRow(tx, localIpNoun, id);
  const port = await findPort(tx, localIp.local_port_id);
  if (port?.device_owner === ownOwner) await deletePortRows(tx, [port.id]);
  await tell(context, 'local_ip', 'delete', localIp, { name: localIp.name });
}

export async function getAssociation(context: Pick<Context, 'tx'>, localIpId: string, portId: string): Promise<LocalIpAssociation> {
  await getRow(context, localIpNoun, localIpId);
  const [association] = await selectAssociations(context.tx, sql`r.local_ip_id = ${localIpId} and r.fixed_port_id = ${portId}`);
  return association ?? associationNotThere(localIpId, portId);
}

export async function createAssociation(context: Context, localIpId: string, { fixed_port_id: portId, fixed_ip: wanted = null }: { fixed_port_id: string; fixed_ip?: string | null }): Promise<LocalIpAssociation> {
  const { tx, now } = context;
  const localIp = await lockedRow(context, localIpNoun, localIpId, 'update');
  const port = await portOf(context, 'local_ip_port_association', portId);
  // Neutron takes any: so whoever has an address on his own network would have it on one that others share with him.
  if (port.network_id !== localIp.network_id) throw badRequest(`Bad local_ip_port_association request: Port ${portId} is not on the network ${localIp.network_id} of the Local IP.`, 'BadRequest');
  const fixed_ip = addressOf(port, wanted);
  if (!(await insertAssociation(tx, { local_ip_id: localIpId, fixed_port_id: portId, fixed_ip }, now))) throw conflict(`Local IP ${localIpId} is associated with port ${portId} already.`, 'NeutronDbObjectDuplicateEntry');
  await changed(context, localIp, portId);
  return getAssociation(context, localIpId, portId);
}

export async function removeAssociation(context: Context, localIpId: string, portId: string): Promise<void> {
  const localIp = await lockedRow(context, localIpNoun, localIpId, 'update');
  const around = await portsAround(context.tx, [portId]);
  if (!(await deleteAssociation(context.tx, localIpId, portId))) associationNotThere(localIpId, portId);
  await mark(context.tx, context.now, 'port', around);
  await changed(context, localIp, portId);
}

/** Before these ports go: others have their addresses back, or answer in their place. */
export async function leaveLocalIps({ tx, now }: Change, portIds: readonly string[]): Promise<void> {
  await mark(tx, now, 'port', await portsAround(tx, portIds));
}

async function changed(context: Context, localIp: LocalIp, portId: string): Promise<void> {
  await mark(context.tx, context.now, 'port', [portId, ...(await portsAround(context.tx, [portId]))]);
  await tell(context, 'local_ip', 'update', localIp);
}

/** For nobody but the cloud: it only keeps the address from others. */
async function makePort(context: Context, { id: localIpId, project_id, networkId, wanted }: { id: string; project_id: string; networkId: string; wanted: string | null }): Promise<Port> {
  const { tx, random, caller } = context;
  const network = await getNetwork(context, networkId);
  if (!(await subnetsOfNetwork(tx, networkId)).some((subnet) => subnet.ip_version === 4)) throw badRequest(`Bad local_ip request: Network ${networkId} does not contain any IPv4 subnet.`, 'BadRequest');
  // As for ports: on another's network addresses are given, not chosen.
  if (wanted !== null && !caller.isAdmin && network.project_id !== caller.projectId) throw notAllowed('create_local_ip', 'local_ip_address');
  const id = random.uuid();
  await insertPort(tx, { id, project_id, internal: true, network_id: networkId, device_id: localIpId, device_owner: ownOwner, port_security_enabled: false }, context);
  await takeAddresses(context, { id, network_id: networkId, device_owner: ownOwner }, wanted === null ? undefined : [{ ip_address: wanted }]);
  const port = (await findPort(tx, id))!;
  // Neutron takes the first that it has.
  return { ...port, fixed_ips: port.fixed_ips.slice(0, 1) };
}

async function portOf({ tx, caller }: Context, what: string, id: string): Promise<Port> {
  const port = await findPort(tx, id);
  if (!port || (port.internal && !caller.isAdmin)) throw badRequest(`Bad ${what} request: Port ${id} not found.`, 'BadRequest');
  return port;
}

function addressOf({ id, fixed_ips: fixed }: Port, wanted: string | null): string {
  if (fixed.length === 0) throw badRequest(`Specified Port ${id} has no fixed IPs configured.`, 'LocalIPNoIP');
  const found = wanted === null ? fixed : fixed.filter((each) => each.ip_address === canonicalAddress(wanted));
  if (found.length === 0) throw badRequest(`Specified Port ${id} does not have requested IP address: ${wanted}.`, 'LocalIPRequestedIPNotFound');
  if (found.length > 1) throw badRequest(`Specified Port ${id} has several IPs, should specify exact IP address to use for Local IP.`, 'LocalIPNoRequestedIP');
  return found[0]!.ip_address;
}

function associationNotThere(localIpId: string, portId: string): never {
  throw notFound(`Local IP ${localIpId} association with port ${portId} could not be found.`, 'LocalIPAssociationNotFound');
}
