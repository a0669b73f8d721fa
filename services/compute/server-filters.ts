/** What lists of servers are filtered and sorted by. nova/api/openstack/compute/servers.py, _get_servers */
import type { servers as contract } from '../../contract/compute/servers.ts';
import { badRequest, forbidden } from '../../kit/fault.ts';
import type { Request } from '../../kit/http/implement.ts';
import { listHosts } from '../placement/hosts.ts';
import { statesOf } from './server-states.ts';
import { addressesOf, orderedPorts, powerNumbers } from './server-view.ts';
import { listServers } from './servers.ts';
import { sortable, type EqualProperty, type LikeProperty, type Page, type ServerFilter, type SortKey } from './servers.store.ts';
import { idIn, readTime, truth } from './words.ts';

type ListRequest = Request<typeof contract.list>;
type Query = ListRequest['query'];

export function readSort({ query, caller }: ListRequest): Page['sort'] {
  const keys = (query.sort_key ?? ['created_at']).filter((key) => !passedOver.has(key));
  return (keys.length > 0 ? keys : ['created_at']).map((key, index) => {
    if (!(key in sortable)) throw badRequest(`Sort key supplied is invalid: ${key}`);
    if (!caller.isAdmin && (key === 'host' || key === 'node')) throw forbidden(`Policy doesn't allow sort_key ${key} to be used.`);
    return { key: key as SortKey, way: query.sort_dir?.[index] ?? query.sort_dir?.[0] ?? 'desc' };
  });
}

/** SERVER_LIST_IGNORE_SORT_KEY */
const passedOver = new Set([
  ...['architecture', 'cell_name', 'cleaned', 'default_ephemeral_device', 'default_swap_device', 'deleted', 'deleted_at', 'disable_terminate', 'ephemeral_gb', 'ephemeral_key_uuid', 'id', 'key_data'],
  ...['launched_on', 'memory_mb', 'os_type', 'reservation_id', 'root_gb', 'shutdown_terminate', 'user_data', 'vcpus', 'vm_mode'],
]);

/** What Nova reads of other tables; it refuses to filter by them. */
const joined = ['block_device_mapping', 'services', 'metadata', 'system_metadata', 'info_cache', 'security_groups', 'pci_devices'] as const;

/** What everybody may filter by, and what since 2.83 as well; administrators by anything. */
const forAll = ['reservation_id', 'name', 'image', 'flavor', 'locked', 'hostname'];
const forUsers = [...forAll, 'availability_zone', 'config_drive', 'key_name', 'power_state', 'task_state', 'vm_state', 'user_id'];

const like: Partial<Record<keyof Query, LikeProperty>> = { name: 'name', display_name: 'name', description: 'description', display_description: 'description', hostname: 'hostname', key_name: 'keyName', reservation_id: 'reservationId' };
const equal: Partial<Record<keyof Query, EqualProperty>> = { image: 'imageId', image_ref: 'imageId', user_id: 'userId', uuid: 'id', vm_state: 'vmState', task_state: 'taskState', availability_zone: 'availabilityZone', locked_by: 'lockedBy', access_ip_v4: 'accessIpv4', access_ip_v6: 'accessIpv6' };

/** Undefined: nothing can match. */
export async function readFilter(request: ListRequest): Promise<ServerFilter | undefined> {
  const { query, caller, tx } = request;
  const all = query.all_tenants !== undefined && readAll(query.all_tenants);
  if (all && !caller.isAdmin) throw forbidden("Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed.");
  const allowed = caller.isAdmin ? null : query.fewFilters === true ? forAll : forUsers;
  const asked = (name: keyof Query) => (allowed === null || allowed.includes(name) ? (query[name] as string | undefined) : undefined);
  const wrong = joined.find((name) => asked(name) !== undefined);
  if (wrong !== undefined) throw badRequest(`Invalid filter field: ${wrong}.`);

  const states = query.status === undefined || query.status.length === 0 ? null : statesOf(query.status);
  if (states === undefined) {
    if (query.passWrongStatus === true) return undefined;
    throw badRequest('Invalid status value');
  }
  const vmStates = states?.vmStates ?? null;
  if (vmStates?.includes('deleted') && !caller.isAdmin) throw forbidden('Only administrators may list deleted instances');
  const [changedSince, changedBefore] = [readTime(query['changes-since'], 'changes-since'), readTime(query['changes-before'], 'changes-before')];
  if (changedSince && changedBefore && changedBefore < changedSince) throw badRequest('The value of changes-since must be less than or equal to changes-before.');
  const seesDeleted = caller.isAdmin && query.deleted === true;
  const flavor = asked('flavor');
  const filter: ServerFilter = {
    projectId: all ? (query.project_id ?? query.tenant_id ?? null) : (caller.projectId ?? ''),
    // Who asks for what changed also has to hear of what is gone.
    deleted: changedSince !== null || changedBefore !== null ? null : seesDeleted || vmStates?.includes('deleted') === true,
    changedSince,
    changedBefore,
    like: Object.fromEntries(entriesOf(like).flatMap(([name, property]) => asIs(asked(name), (text) => [property, checkedPattern(text)]))),
    flavorId: flavor === undefined ? null : idIn(flavor),
    vmStates,
    taskStates: states?.taskStates ?? null,
    tags: { all: listed(query.tags), any: listed(query['tags-any']), notAll: listed(query['not-tags']), notAny: listed(query['not-tags-any']) },
    ids: null,
    equals: Object.fromEntries(entriesOf(equal).flatMap(([name, property]) => asIs(asked(name), (text) => [property, name === 'image' ? idIn(text) : text]))),
  };
  const [locked, configDrive, launchIndex, power] = [asked('locked'), asked('config_drive'), asked('launch_index'), asked('power_state')];
  if (locked !== undefined) filter.equals.locked = readLocked(locked);
  if (configDrive !== undefined) filter.equals.configDrive = configDrive === 'True' || configDrive === 'true' || configDrive === '1' ? 'True' : '';
  if (launchIndex !== undefined && /^\d{1,6}$/.test(launchIndex)) filter.equals.launchIndex = Number(launchIndex);
  if (power !== undefined && /^\d$/.test(power)) {
    if (power === '0') filter.equals.vmState = 'building';
    else filter.equals.power = Object.entries(powerNumbers).find(([, number]) => String(number) === power)?.[0] ?? power;
  }
  const hostname = asked('host') ?? asked('node');
  if (hostname !== undefined) {
    const host = (await listHosts(tx)).find((each) => each.hostname === hostname);
    if (!host) return undefined;
    filter.equals.hostId = host.id;
  }
  return withAddresses(request, filter);
}

function entriesOf<K extends string, V>(record: Partial<Record<K, V>>): [K, V][] {
  return Object.entries(record) as [K, V][];
}

function asIs<T>(text: string | undefined, make: (text: string) => T): T[] {
  return text === undefined ? [] : [make(text)];
}

function listed(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',');
}

/** nova/api/openstack/common.py, is_locked */
function readLocked(text: string): boolean {
  if (!/^(1|t|true|on|y|yes|0|f|false|off|n|no)$/i.test(text)) throw badRequest(`Invalid query parameter locked: Unrecognized value '${text}', acceptable values are: '0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'`);
  return truth(text) || /^[ty]/i.test(text);
}

/** Nova asks Neutron for ports whose address contains this; here the addresses of the filtered servers are read. */
async function withAddresses(request: ListRequest, filter: ServerFilter): Promise<ServerFilter> {
  const patterns = [request.query.ip, request.query.ip6].filter((each) => each !== undefined).map(checkedPattern).map((text) => new RegExp(text));
  if (patterns.length === 0) return filter;
  const servers = await listServers(request, filter, { sort: [{ key: 'created_at', way: 'desc' }], limit: 10_000, marker: null });
  const ports = await orderedPorts(request, servers.map(({ id }) => id));
  const matching = servers.filter((server) => {
    const addresses = Object.values(addressesOf({ ...server, vmState: 'active' }, ports.get(server.id) ?? [])).flat();
    return patterns.every((pattern) => addresses.some(({ addr }) => pattern.test(addr)));
  });
  return { ...filter, ids: matching.map(({ id }) => id) };
}

function readAll(text: string): boolean {
  // Clients also write `all_tenants` alone.
  if (text === '') return true;
  if (['true', '1', 't', 'yes', 'on', 'y'].includes(text.toLowerCase())) return true;
  if (['false', '0', 'f', 'no', 'off', 'n'].includes(text.toLowerCase())) return false;
  throw badRequest(`Invalid value '${text}' for all_tenants`);
}

/** A short regular expression that both PostgreSQL and we can run: no quantifier within a quantifier, no back reference. */
function checkedPattern(text: string): string {
  if (text.length > 255 || /\\\d|[+*}]\s*[+*{]|\([^)]*[+*{][^)]*\)[+*{]/.test(text)) throw badRequest('Invalid filter: this regular expression is not taken.');
  try {
    new RegExp(text);
  } catch (cause) {
    throw badRequest(`Invalid filter: ${cause instanceof Error ? cause.message : 'not a regular expression'}`);
  }
  return text;
}
