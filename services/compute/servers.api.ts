import { servers as contract } from '../../contract/compute/servers.ts';
import { badRequest, forbidden } from '../../kit/fault.ts';
import { Answer, implement, type Request } from '../../kit/http/implement.ts';
import { linksTo, mostPerPage, nextLinks } from './lists.ts';
import type { DiskWish } from './server-disks.ts';
import { addressesOf, orderedPorts, viewServer, viewServers } from './server-view.ts';
import { vmStatesOf } from './server-states.ts';
import { createServers, deleteServer, getServer, listServers, updateServer, type Compute } from './servers.ts';
import { sortable, type Page, type Server, type ServerFilter, type SortKey } from './servers.store.ts';
import { listHosts } from '../placement/hosts.ts';
import { plainAddress, shortestAddress, truth } from './words.ts';

type ListRequest = Request<typeof contract.list>;
type NewServerBody = Request<typeof contract.create>['body']['server'];

export function serversApi(compute: Compute) {
  return implement(contract, {
    async list(request) {
      const { servers, next } = await pageOf(request);
      const links = nextLinks(next);
      return { servers: servers.map(({ id, name }) => ({ id, name, links: linksTo(request, `/servers/${id}`) })), ...(links ? { servers_links: links } : {}) };
    },
    async detail(request) {
      const { servers, next } = await pageOf(request);
      const links = nextLinks(next);
      return { servers: await viewServers(request, servers), ...(links ? { servers_links: links } : {}) };
    },
    async create(request) {
      const body = request.body.server;
      if (body.personality !== undefined && body.personality.length > 0) throw badRequest('Files cannot be put into a server here: use user_data or metadata.');
      const adminPass = body.adminPass ?? newPassword(compute);
      const [server] = await createServers(compute, request, {
        name: body.name,
        flavorId: flavorId(body.flavorRef),
        imageId: body.imageRef === undefined || body.imageRef === '' ? null : body.imageRef,
        disks: (body.block_device_mapping_v2 ?? []).map(readDisk),
        networks: body.networks === undefined || body.networks.length === 0 ? undefined : body.networks.map(readNetwork),
        securityGroups: body.security_groups?.map(({ name }) => name),
        keyName: body.key_name ?? null,
        userData: body.user_data ?? null,
        configDrive: truth(body.config_drive ?? false),
        adminPass,
        metadata: body.metadata ?? {},
        availabilityZone: body.availability_zone ?? null,
        accessIpv4: plainAddress(body.accessIPv4 ?? ''),
        accessIpv6: shortestAddress(body.accessIPv6 ?? ''),
        diskConfig: body['OS-DCF:diskConfig'] ?? null,
        ...readCounts(body),
      });
      if (truth(body.return_reservation_id ?? false)) return { reservation_id: server!.reservationId };
      const { id, diskConfig } = server!;
      return new Answer(
        {
          server: { id, links: linksTo(request, `/servers/${id}`), 'OS-DCF:diskConfig': diskConfig, security_groups: body.security_groups ?? [{ name: 'default' }], adminPass },
        },
        { headers: { location: request.url(`/servers/${id}`) } },
      );
    },
    async show(request) {
      return { server: await viewServer(request, await getServer(request, request.params.server_id)) };
    },
    async update(request) {
      const { name, accessIPv4, accessIPv6, 'OS-DCF:diskConfig': diskConfig } = request.body.server;
      const server = await updateServer(compute, request, request.params.server_id, {
        ...(name === undefined ? {} : { name }),
        ...(accessIPv4 === undefined ? {} : { accessIpv4: plainAddress(accessIPv4) }),
        ...(accessIPv6 === undefined ? {} : { accessIpv6: shortestAddress(accessIPv6) }),
        ...(diskConfig === undefined ? {} : { diskConfig }),
      });
      return { server: await viewServer(request, server) };
    },
    async delete(request) {
      await deleteServer(compute, request, request.params.server_id);
    },
  });
}

/** Twelve characters of an alphabet without look-alikes: nova/utils.py, generate_password */
export function newPassword({ random }: Compute): string {
  const alphabet = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
  return [...random.bytes(12)].map((byte) => alphabet[byte % alphabet.length]).join('');
}

/** A flavor's id, or a link that ends in it. */
export function flavorId(reference: string | number): string {
  return String(reference).split('/').at(-1) ?? '';
}

function readNetwork({ uuid, port, fixed_ip: fixedIp }: { uuid?: string; port?: string | null; fixed_ip?: string }) {
  if (port === undefined || port === null) {
    if (uuid === undefined) throw badRequest('Bad network format: missing uuid');
    // Older clients wrote br-<uuid>.
    if (!/^(br-)?[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(uuid)) throw badRequest(`Bad networks format: network uuid is not in proper format (${uuid})`);
    return { networkId: uuid.replace(/^br-/, ''), fixedIp };
  }
  if (fixedIp !== undefined) throw badRequest(`Specified Fixed IP '${fixedIp}' cannot be used with port '${port}': the two cannot be specified together.`);
  return { portId: port };
}

type BlockDeviceBody = NonNullable<NewServerBody['block_device_mapping_v2']>[number];

function readDisk(wish: BlockDeviceBody): DiskWish {
  const source = wish.source_type ?? (wish.volume_id !== undefined ? 'volume' : wish.snapshot_id !== undefined ? 'snapshot' : wish.image_id !== undefined ? 'image' : 'blank');
  const sourceId = wish.uuid ?? { volume: wish.volume_id, snapshot: wish.snapshot_id, image: wish.image_id, blank: undefined }[source] ?? null;
  const bootIndex = wish.boot_index === undefined || wish.boot_index === null ? null : Number(wish.boot_index);
  return {
    bootIndex: bootIndex !== null && bootIndex < 0 ? null : bootIndex,
    source,
    destination: wish.destination_type ?? (source === 'image' || source === 'blank' ? 'local' : 'volume'),
    sourceId,
    sizeGiB: wish.volume_size === undefined ? null : Number(wish.volume_size),
    deleteOnTermination: truth(wish.delete_on_termination ?? false),
    device: wish.device_name ?? null,
  };
}

function readCounts({ min_count: min, max_count: max }: NewServerBody): { minCount: number; maxCount: number } {
  const minCount = Number(min ?? 1);
  const maxCount = Number(max ?? minCount);
  if (minCount < 1 || maxCount < 1 || maxCount > 100) throw badRequest('min_count and max_count must be between 1 and 100');
  return { minCount, maxCount };
}

async function pageOf(request: ListRequest): Promise<{ servers: Server[]; next: string | undefined }> {
  // None is none: nova/api/openstack/common.py, get_limit_and_marker
  const limit = Math.min(request.query.limit ?? mostPerPage, mostPerPage);
  const filter = await readFilter(request);
  if (filter === undefined) return { servers: [], next: undefined };
  const page: Page = { sort: readSort(request), limit: limit + 1, marker: request.query.marker ?? null };
  const found = await listServers(request, filter, page);
  const servers = found.slice(0, limit);
  const last = servers.at(-1);
  return { servers, next: found.length > limit && last ? request.page({ marker: last.id }) : undefined };
}

function readSort({ query, caller }: ListRequest): Page['sort'] {
  const keys = query.sort_key ?? ['created_at'];
  return keys.map((key, index) => {
    if (!(key in sortable)) throw badRequest(`Sort key supplied is invalid: ${key}`);
    if (!caller.isAdmin && (key === 'host' || key === 'node')) throw forbidden(`Policy doesn't allow sort_key ${key} to be used.`);
    return { key: key as SortKey, way: query.sort_dir?.[index] ?? query.sort_dir?.[0] ?? 'desc' };
  });
}

/** Undefined: nothing can match. nova/api/openstack/compute/servers.py, _get_servers */
async function readFilter(request: ListRequest): Promise<ServerFilter | undefined> {
  const { query, caller, tx } = request;
  const all = caller.isAdmin && query.all_tenants !== undefined && readAll(query.all_tenants);
  if (!caller.isAdmin && query.all_tenants !== undefined && readAll(query.all_tenants)) throw forbidden("Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed.");
  const vmStates = readStatuses(query.status);
  if (vmStates === undefined) return undefined;
  if (vmStates?.includes('deleted') && !caller.isAdmin) throw forbidden('Only administrators may list deleted instances');
  const changedSince = readTime(query['changes-since']);
  const projectId = all ? (query.project_id ?? query.tenant_id ?? null) : (caller.projectId ?? '');
  const seesDeleted = caller.isAdmin && query.deleted === true;
  const hostname = caller.isAdmin ? (query.host ?? query.node) : undefined;
  const filter: ServerFilter = {
    projectId,
    // Who asks for what changed also has to hear of what is gone.
    deleted: changedSince !== null ? null : seesDeleted || vmStates?.includes('deleted') ? true : false,
    changedSince,
    nameLike: query.name === undefined ? null : checkedPattern(query.name),
    flavorId: query.flavor === undefined ? null : flavorId(query.flavor),
    vmStates: vmStates ?? null,
    ids: null,
    equals: {
      ...(query.image === undefined ? {} : { imageId: query.image.split('/').at(-1) ?? '' }),
      ...(query.reservation_id === undefined ? {} : { reservationId: query.reservation_id }),
      ...(query.uuid === undefined ? {} : { id: query.uuid }),
      ...(caller.isAdmin && query.user_id !== undefined ? { userId: query.user_id } : {}),
      ...(caller.isAdmin && query.vm_state !== undefined ? { vmState: query.vm_state } : {}),
      ...(caller.isAdmin && query.task_state !== undefined ? { taskState: query.task_state } : {}),
      ...(caller.isAdmin && query.key_name !== undefined ? { keyName: query.key_name } : {}),
      ...(caller.isAdmin && query.availability_zone !== undefined ? { availabilityZone: query.availability_zone } : {}),
    },
  };
  if (hostname !== undefined) {
    const host = (await listHosts(tx)).find((each) => each.hostname === hostname);
    if (!host) return undefined;
    filter.equals.hostId = host.id;
  }
  return withAddresses(request, filter);
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

/** Undefined: a status that no server can have. */
function readStatuses(statuses: readonly string[] | undefined): Server['vmState'][] | null | undefined {
  if (statuses === undefined || statuses.length === 0) return null;
  const states = statuses.flatMap((status) => vmStatesOf(status) ?? []);
  return states.length === 0 ? undefined : states;
}

function readAll(text: string): boolean {
  // Clients also write `all_tenants` alone.
  if (text === '') return true;
  if (['true', '1', 't', 'yes', 'on', 'y'].includes(text.toLowerCase())) return true;
  if (['false', '0', 'f', 'no', 'off', 'n'].includes(text.toLowerCase())) return false;
  throw badRequest(`Invalid value '${text}' for all_tenants`);
}

function readTime(text: string | undefined): Date | null {
  if (text === undefined) return null;
  // ISO 8601, and what has no zone is UTC. JavaScript alone would take much else.
  const zoned = /[Zz]$|[+-]\d\d:?\d\d$/.test(text) || !text.includes(':') ? text : `${text}Z`;
  const date = new Date(/^\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d:?\d\d)?)?$/.test(text) ? zoned.replace(',', '.') : Number.NaN);
  if (Number.isNaN(date.getTime())) throw badRequest(`Invalid input for query parameters changes-since. Value: ${text}. '${text}' is not a 'date-time'`);
  return date;
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
