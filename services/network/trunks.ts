/** Ports that carry others, each in a VLAN: neutron/services/trunk/plugin.py and rules.py. */
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { mark, tell } from './changes.ts';
import { byBoolean, byText, standardFilters, standardSorts, tagFilters, type Listing } from './listing.ts';
import { getNetwork } from './networks.ts';
import { deleteRow, getRow, insertRow, lockedRow, updateRow, type Noun } from './noun.ts';
import { ownerOf } from './owners.ts';
import { isManaged, lockedPort } from './ports.ts';
import type { Port } from './ports.store.ts';
import { deleteSubports, insertSubports, setCarried, trunkOf, type Subport } from './trunks.store.ts';

export type Trunk = {
  id: string;
  project_id: string;
  port_id: string;
  name: string;
  description: string;
  admin_state_up: boolean;
  status: 'ACTIVE' | 'DOWN';
  sub_ports: Subport[];
  tags: string[];
  revision_number: number;
  created_at: Date;
  updated_at: Date;
};
export type SubportWish = { port_id: string; segmentation_type?: string; segmentation_id?: number | string };
export type TrunkWish = { name?: string; description?: string; admin_state_up?: boolean };
export type NewTrunkWish = TrunkWish & { project_id?: string; tenant_id?: string; port_id: string; sub_ports?: SubportWish[] };

/** neutron_lib/constants.py, TRUNK_SUBPORT_OWNER. */
const subportOwner = 'trunk:subport';

export const trunkNoun: Noun<Trunk> = {
  resource: 'trunk',
  table: sql`network.trunk`,
  columns: sql`r.id, r.project_id, r.port_id, r.name, r.description, r.admin_state_up, r.status, r.tags, r.revision_number, r.created_at, r.updated_at,
    coalesce((select jsonb_agg(jsonb_build_object('port_id', s.port_id, 'segmentation_type', s.segmentation_type, 'segmentation_id', s.segmentation_id) order by s.segmentation_id)
      from network.subport s where s.trunk_id = r.id), '[]') as sub_ports`,
  notThere: (id) => notFound(`Trunk ${id} could not be found.`, 'TrunkNotFound'),
};

export const trunkListing: Listing = {
  collection: 'trunks',
  table: trunkNoun.table,
  filters: { ...standardFilters(), ...tagFilters, name: byText(sql`r.name`), admin_state_up: byBoolean(sql`r.admin_state_up`), status: byText(sql`r.status`), port_id: byText(sql`r.port_id`) },
  sorts: { ...standardSorts, name: sql`r.name`, admin_state_up: sql`r.admin_state_up`, status: sql`r.status`, port_id: sql`r.port_id` },
};

export async function createTrunk(context: Context, wish: NewTrunkWish): Promise<Trunk> {
  const { tx, now, random } = context;
  const project_id = ownerOf(context, wish);
  demandSeparate(wish.sub_ports ?? []);
  const port = await lockedPort(context, wish.port_id);
  const carried = await trunkOf(tx, port.id);
  if (carried?.sub != null) throw conflict(`Port ${port.id} is in use by another trunk.`, 'TrunkPortInUse');
  if (carried?.parent != null || isManaged(port)) throw parentInUse(port.id);
  const id = random.uuid();
  await insertRow(tx, trunkNoun, { id, project_id, port_id: port.id, name: wish.name ?? '', description: wish.description ?? '', admin_state_up: wish.admin_state_up ?? true, status: 'ACTIVE', created_at: now, updated_at: now });
  await carry(context, { id, project_id, port_id: port.id, sub_ports: [] }, port, wish.sub_ports ?? []);
  const trunk = await getRow(context, trunkNoun, id);
  await tell(context, 'trunk', 'create', trunk, { name: trunk.name, port_id: port.id });
  return trunk;
}

export async function updateTrunk(context: Context, id: string, wish: TrunkWish): Promise<Trunk> {
  const before = await lockedRow(context, trunkNoun, id, 'update');
  return changed(context, before, { name: wish.name, description: wish.description, admin_state_up: wish.admin_state_up });
}

export async function deleteTrunk(context: Context, id: string): Promise<void> {
  const { tx, now } = context;
  const trunk = await lockedRow(context, trunkNoun, id, 'delete');
  demandEnabled(trunk);
  await letGo(context, trunk.sub_ports.map((each) => each.port_id));
  await deleteRow(tx, trunkNoun, id);
  await mark(tx, now, 'port', [trunk.port_id]);
  await tell(context, 'trunk', 'delete', trunk, { name: trunk.name, port_id: trunk.port_id });
}

export async function addSubports(context: Context, id: string, wishes: SubportWish[]): Promise<Trunk> {
  const before = await lockedRow(context, trunkNoun, id, 'update');
  demandEnabled(before);
  await carry(context, before, await lockedPort(context, before.port_id), wishes);
  return changed(context, before, {});
}

export async function removeSubports(context: Context, id: string, wishes: { port_id: string }[]): Promise<Trunk> {
  const before = await lockedRow(context, trunkNoun, id, 'update');
  demandEnabled(before);
  const gone = wishes.map((each) => each.port_id);
  const missing = gone.find((portId, place) => gone.indexOf(portId) !== place || !before.sub_ports.some((each) => each.port_id === portId));
  if (missing !== undefined) throw notFound(`SubPort ${missing} on trunk ${id} could not be found.`, 'SubPortNotFound');
  await letGo(context, gone);
  return changed(context, before, {});
}

async function changed(context: Context, before: Trunk, values: TrunkWish & { [name: string]: unknown }): Promise<Trunk> {
  await updateRow(context.tx, trunkNoun, before.id, { ...values, revision_number: before.revision_number + 1, updated_at: context.now });
  const trunk = await getRow(context, trunkNoun, before.id);
  await tell(context, 'trunk', 'update', trunk, { port_id: trunk.port_id });
  return trunk;
}

async function carry(context: Context, trunk: Pick<Trunk, 'id' | 'project_id' | 'port_id' | 'sub_ports'>, parent: Port, wishes: readonly SubportWish[]): Promise<void> {
  const { tx, now } = context;
  if (wishes.length === 0) return;
  const mtu = (await getNetwork(context, parent.network_id)).mtu;
  const subports: Subport[] = [];
  // In one order, so that two who want the same ports do not wait for one another.
  for (const wish of wishes.toSorted((one, other) => (one.port_id < other.port_id ? -1 : 1))) {
    const subport = await checkedSubport(context, trunk, wish, mtu);
    if (subports.some((each) => each.port_id === subport.port_id)) throw invalid(`Invalid input for sub_ports: port ${subport.port_id} is named twice`);
    if ([...trunk.sub_ports, ...subports].some((each) => each.segmentation_id === subport.segmentation_id))
      throw conflict(`segmentation_type vlan and segmentation_id ${subport.segmentation_id} already in use on trunk ${trunk.id}.`, 'DuplicateSubPort');
    subports.push(subport);
  }
  const ids = subports.map((each) => each.port_id);
  await insertSubports(tx, trunk, subports);
  await setCarried(tx, ids, { device_owner: subportOwner, host_id: parent.host_id }, now);
  await follow(context, ids);
}

/** neutron/services/trunk/validators and extensions: what is wrong by itself is said before any port is looked for. */
function demandSeparate(wishes: readonly SubportWish[]): void {
  for (const { segmentation_type: type, segmentation_id: id } of wishes) if ((type === undefined) !== (id === undefined) && type !== 'inherit') throw invalid('Invalid input for sub_ports: segmentation_type and segmentation_id must be given together');
  const ids = wishes.map(({ segmentation_id: id }) => id).filter((id) => id !== undefined);
  if (new Set(ids).size < ids.length) throw invalid('Invalid input for sub_ports: segmentation_id must be another for each port');
}

async function checkedSubport(context: Context, trunk: Pick<Trunk, 'port_id'>, wish: SubportWish, parentMtu: number): Promise<Subport> {
  if (wish.port_id === trunk.port_id) throw parentInUse(wish.port_id);
  const port = await lockedPort(context, wish.port_id);
  const network = await getNetwork(context, port.network_id);
  if (network.mtu > parentMtu) throw conflict(`MTU ${network.mtu} of subport ${port.id} cannot be greater than MTU ${parentMtu} of trunk ${trunk.port_id}.`, 'SubPortMtuGreaterThanTrunkPortMtu');
  if (wish.segmentation_type !== 'inherit' && (wish.segmentation_type === undefined || wish.segmentation_id === undefined))
    throw invalid(`Invalid subport details '${port.id}': missing segmentation information. Must specify both segmentation_id and segmentation_type`);
  const inherited = wish.segmentation_type === 'inherit';
  // Only of a network that is a VLAN itself is one inherited.
  const [place] = network.places.length === 1 ? network.places : [];
  if (inherited && place?.network_type !== 'vlan') throw invalid(`Unknown segmentation_type '${place?.network_type ?? 'inherit'}'`);
  if (!inherited && wish.segmentation_type !== 'vlan') throw invalid(`Unknown segmentation_type '${wish.segmentation_type}'`);
  const segmentation_id = Number(inherited ? place?.segmentation_id : wish.segmentation_id);
  if (segmentation_id < 1 || segmentation_id > 4094) throw invalid(`Segmentation ID '${wish.segmentation_id}' is not in range`);
  const carried = await trunkOf(context.tx, port.id);
  if (carried?.sub != null) throw conflict(`Port ${port.id} is in use by another trunk.`, 'TrunkPortInUse');
  if (carried?.parent != null) throw parentInUse(port.id);
  if (port.device_id !== '' || port.server_id !== null || isManaged(port))
    throw conflict(`Unable to complete operation on port ${port.id} for network ${port.network_id}. Port already has an attached device ${port.device_id}.`, 'PortInUse');
  return { port_id: port.id, segmentation_type: 'vlan', segmentation_id };
}

async function letGo(context: Context, portIds: readonly string[]): Promise<void> {
  for (const portId of portIds.toSorted()) await lockedPort(context, portId);
  await deleteSubports(context.tx, portIds);
  await setCarried(context.tx, portIds, { device_owner: '', host_id: '' }, context.now);
  await follow(context, portIds);
}

async function follow(context: Context, portIds: readonly string[]): Promise<void> {
  await mark(context.tx, context.now, 'port', portIds);
  for (const id of portIds) {
    const port = await lockedPort(context, id);
    await tell(context, 'port', 'update', port, { network_id: port.network_id, device_id: port.device_id });
  }
}

function demandEnabled(trunk: Trunk): void {
  if (!trunk.admin_state_up) throw conflict(`Trunk ${trunk.id} is currently disabled.`, 'TrunkDisabled');
}

const parentInUse = (portId: string) => conflict(`Port ${portId} is currently in use and is not eligible for use as a parent port.`, 'ParentPortInUse');
const invalid = (reason: string) => badRequest(`Invalid input for operation: ${reason}.`, 'InvalidInput');
