import { servers as contract } from '../../contract/compute/servers.ts';
import { badRequest } from '../../kit/fault.ts';
import { Answer, implement, type Request } from '../../kit/http/implement.ts';
import { linksTo, mostPerPage, nextLinks } from './lists.ts';
import type { DiskWish } from './server-disks.ts';
import { readFilter, readSort } from './server-filters.ts';
import { viewServer, viewServers } from './server-view.ts';
import { createServers, deleteServer, getServer, listServers, updateServer, type Compute, type NetworkWish, type NewServer } from './servers.ts';
import type { ListedServer, Page } from './servers.store.ts';
import { idIn, plainAddress, shortestAddress, truth } from './words.ts';

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
      const adminPass = body.adminPass ?? newPassword(compute);
      const [server] = await createServers(compute, request, {
        name: body.name,
        flavorId: idIn(body.flavorRef),
        imageId: body.imageRef === undefined || body.imageRef === '' ? null : body.imageRef,
        disks: readDisks(body),
        networks: readNetworks(body.networks),
        securityGroups: body.security_groups?.map(({ name }) => name),
        keyName: body.key_name ?? null,
        userData: body.user_data ?? null,
        files: body.personality ?? [],
        configDrive: truth(body.config_drive ?? false),
        adminPass,
        metadata: body.metadata ?? {},
        availabilityZone: body.availability_zone ?? null,
        accessIpv4: plainAddress(body.accessIPv4 ?? ''),
        accessIpv6: shortestAddress(body.accessIPv6 ?? ''),
        diskConfig: body['OS-DCF:diskConfig'] ?? null,
        ...readCounts(body),
        description: body.description ?? null,
        tags: body.tags ?? [],
        hostname: body.hostname,
        destination: { host: body.host, node: body.hypervisor_hostname },
        schedulerHints: request.body['os:scheduler_hints'] ?? request.body['OS-SCH-HNT:scheduler_hints'] ?? {},
        certificates: body.trusted_image_certificates ?? null,
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
      const { name, accessIPv4, accessIPv6, 'OS-DCF:diskConfig': diskConfig, description, hostname } = request.body.server;
      const server = await updateServer(compute, request, request.params.server_id, {
        ...(name === undefined ? {} : { name }),
        ...(accessIPv4 === undefined ? {} : { accessIpv4: plainAddress(accessIPv4) }),
        ...(accessIPv6 === undefined ? {} : { accessIpv6: shortestAddress(accessIPv6) }),
        ...(diskConfig === undefined ? {} : { diskConfig }),
        ...(description === undefined ? {} : { description }),
        ...(hostname === undefined ? {} : { hostname }),
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

type NetworkBody = { uuid?: string; port?: string | null; fixed_ip?: string; tag?: string };

function readNetworks(networks: NewServerBody['networks']): NewServer['networks'] {
  if (networks === undefined) throw badRequest("Invalid input for field/attribute server. 'networks' is a required property");
  if (typeof networks === 'string') return networks;
  return networks.length === 0 ? 'only' : networks.map(readNetwork);
}

function readNetwork({ uuid, port, fixed_ip: fixedIp, tag }: NetworkBody): NetworkWish {
  if (port === undefined || port === null) {
    if (uuid === undefined) throw badRequest('Bad network format: missing uuid');
    // Older clients wrote br-<uuid>.
    if (!/^(br-)?[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(uuid)) throw badRequest(`Bad networks format: network uuid is not in proper format (${uuid})`);
    return { networkId: uuid.replace(/^br-/, ''), fixedIp, tag };
  }
  if (fixedIp !== undefined) throw badRequest(`Specified Fixed IP '${fixedIp}' cannot be used with port '${port}': the two cannot be specified together.`);
  return { portId: port, tag };
}

type BlockDeviceBody = NonNullable<NewServerBody['block_device_mapping_v2']>[number];
type LegacyBlockDevice = NonNullable<NewServerBody['block_device_mapping']>[number];

function readDisks({ block_device_mapping: legacy, block_device_mapping_v2: mapping }: NewServerBody): DiskWish[] {
  if (legacy !== undefined && mapping !== undefined) throw badRequest('Using different block_device_mapping syntaxes is not allowed in the same request.');
  return legacy === undefined ? (mapping ?? []).map(readDisk) : legacy.filter(({ no_device: none }) => none === undefined).map(readLegacyDisk);
}

/** nova/block_device.py, from_legacy */
function readLegacyDisk(wish: LegacyBlockDevice): DiskWish {
  const { device_name: device, volume_id: volume, snapshot_id: snapshot } = wish;
  if (volume === undefined && snapshot === undefined) throw badRequest('Block Device Mapping is Invalid: Unrecognized legacy format.');
  return readDisk({ ...wish, source_type: volume === undefined ? 'snapshot' : 'volume', destination_type: 'volume', uuid: volume ?? snapshot!, boot_index: /^(\/dev\/)?[a-z]*da$/.test(device ?? '') ? 0 : -1 });
}

function readDisk(wish: BlockDeviceBody & { tag?: string }): DiskWish {
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
    tag: wish.tag ?? null,
    guestFormat: wish.guest_format ?? null,
    volumeType: wish.volume_type ?? null,
  };
}

function readCounts({ min_count: min, max_count: max }: NewServerBody): { minCount: number; maxCount: number } {
  const minCount = Number(min ?? 1);
  const maxCount = Number(max ?? minCount);
  if (minCount < 1 || maxCount < 1 || maxCount > 100) throw badRequest('min_count and max_count must be between 1 and 100');
  return { minCount, maxCount };
}

async function pageOf(request: ListRequest): Promise<{ servers: ListedServer[]; next: string | undefined }> {
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
