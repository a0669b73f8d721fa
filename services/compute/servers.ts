/** Servers: made, found, renamed, deleted. What else can be asked of them is in server-actions.ts and server-devices.ts. */
import type { GuestFile } from '../../drivers/driver.ts';
import { badRequest, conflict, Fault, forbidden } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { getBootImage, type BootImage, type ServerImage } from '../image/images.ts';
import { autoAllocatedNetwork } from '../network/auto-allocated-topology.ts';
import { networksForServer, takeServerPort } from '../network/ports.ts';
import type { RegionParts } from '../parts.ts';
import { listHosts, type Host } from '../placement/hosts.ts';
import { claimSpending } from '../quota/budgets.ts';
import { claimAsMany, claimQuota, claimQuotaLast, holdQuota, type Amounts } from '../quota/quotas.ts';
import { noteAction } from './actions.ts';
import { appendInterface } from './devices.store.ts';
import { getFlavor, type Flavor } from './flavors.ts';
import { demandHardware } from './hardware.ts';
import { withImageDisks } from './image-disks.ts';
import { localDisksFor, type LocalDisk } from './local-disks.ts';
import { lockServerGroup, type ServerGroup } from './server-groups.store.ts';
import { demandMembersRoom, tellJoined } from './server-groups.ts';
import { selectKeyPair } from './key-pairs.store.ts';
import { defaultLimits, demandFilesRoom, demandMetadataRoom, demandUserRoom, hasUserLimits } from './limits.ts';
import { asBadRequest, asNetworkFault, asQuotaFault, overQuota, tooManyPorts } from './refusals.ts';
import { plan, plugDisks, type DiskWish, type Plan } from './server-disks.ts';
import { changeServer, lockServer, meteredAs, noServer, quotaOf, tell } from './server-changes.ts';
import { subjectOf } from './server-steps.ts';
import { demandUnlocked } from './server-states.ts';
import { createServerWorkflow, deleteServerWorkflow } from './servers.workflow.ts';
import { findServer, insertServer, isServerId, selectServers, type ListedServer, type Page, type Server, type ServerFilter } from './servers.store.ts';
import { refreshServer } from './server-refresh.ts';

export type { Server } from './servers.store.ts';

/** What the rules need besides the call. */
export type Compute = Pick<RegionParts, 'workflows' | 'random' | 'scheduler'>;

export type NetworkWish = { networkId?: string | undefined; portId?: string | undefined; fixedIp?: string | undefined; tag?: string | undefined };

export type NewServer = {
  name: string;
  flavorId: string;
  imageId: string | null;
  disks: readonly DiskWish[];
  /** `only`: the one that there is for the project; `auto` would make it where there is none. */
  networks: readonly NetworkWish[] | 'only' | 'auto' | 'none';
  securityGroups: string[] | undefined;
  keyName: string | null;
  userData: string | null;
  files: readonly GuestFile[];
  configDrive: boolean;
  adminPass: string | null;
  metadata: Record<string, string>;
  /** `zone`, or `zone:host` for an administrator. */
  availabilityZone: string | null;
  accessIpv4: string;
  accessIpv6: string;
  diskConfig: 'AUTO' | 'MANUAL' | null;
  minCount: number;
  maxCount: number;
  description: string | null;
  tags: readonly string[];
  /** Undefined: made of the name. */
  hostname: string | undefined;
  /** By name, for administrators. */
  destination: { host: string | undefined; node: string | undefined };
  schedulerHints: Record<string, unknown>;
  certificates: readonly string[] | null;
};

/** As many as fit into the quota, at least `minCount`: rows, quota, ports, volumes and the work that follows, or nothing. */
export async function createServers(compute: Compute, context: Context, wish: NewServer): Promise<Server[]> {
  const { tx, caller, now } = context;
  const projectId = caller.projectId ?? '';
  if (wish.minCount > wish.maxCount) throw badRequest('min_count must be <= max_count');
  await demandMetadataRoom(tx, projectId, wish.metadata);
  await demandFilesRoom(tx, projectId, wish.files);
  demandNoCertificates(wish.certificates);
  if (wish.hostname !== undefined && wish.maxCount > 1) throw badRequest('Unable to allocate a single hostname to multiple instances');
  const asked = plan(wish);
  // What is only read is asked for at once: each answer that is waited for is felt by the caller.
  const [flavor, image, zone, publicKey, defaults] = await Promise.all([
    getFlavor(context, wish.flavorId).catch(asBadRequest),
    asked.imageId === null ? null : usableImage(context, asked.imageId),
    readZone(context, wish),
    wish.keyName === null ? null : publicKeyOf(context, wish.keyName),
    defaultLimits(tx),
  ]);
  // Nova looks at networks last: what else is wrong is said first.
  const networks = typeof wish.networks === 'string' ? await networksCalled(context, wish.networks) : wish.networks;
  const mapping = asked.root.kind === 'image' ? image?.properties['block_device_mapping'] : null;
  const disks = mapping == null ? asked : plan(withImageDisks(wish, mapping));
  if (image) demandFitOf(flavor, image, disks, caller.isAdmin);
  demandHardware({ flavor, image: image ? knownProperties(image.properties) : {} });
  if (wish.maxCount > 1 && networks.some(({ portId, fixedIp }) => portId !== undefined || fixedIp !== undefined))
    throw badRequest('Failed to launch instances: it is not possible to launch more than one with one port or fixed address.');

  const group = await joinedGroup(context, wish.schedulerHints);
  const range = wish.minCount < wish.maxCount;
  const count = range ? await claimAsFit(tx, projectId, flavor, wish, defaults) : wish.maxCount;
  if (group) await demandMembersRoom(context, group, count);
  await claimSpending(tx, { now, projectId, domainId: caller.projectDomainId, thing: meteredAs(flavor, count) });
  const localDisks = localDisksFor({ flavor, image: image ? knownProperties(image.properties) : {}, wishes: disks.locals, hasLocalRoot: disks.root.kind === 'image' });
  const reservationId = `r-${compute.random.uuid().replaceAll('-', '').slice(0, 8)}`;
  const servers: Server[] = [];
  for (let index = 0; index < count; index++) {
    const server = newServer({ id: compute.random.uuid(), name: wish.maxCount > 1 ? `${wish.name}-${index + 1}` : wish.name, context, wish, flavor, image, disks, localDisks, zone, publicKey, reservationId, index, group });
    await Promise.all([insertServer(tx, server), plugPorts(context, server, networks, wish.securityGroups)]);
    await plugDisks(context, server, disks);
    await Promise.all([
      noteAction(tx, { serverId: server.id, projectId, requestId: context.requestId, action: 'create', userId: caller.userId, startedAt: now }),
      tell(tx, { now: () => now }, server, 'server.create.start', context.requestId),
      compute.workflows.start(tx, createServerWorkflow, { subject: subjectOf(server.id), input: { serverId: server.id }, projectId, requestId: context.requestId }),
    ]);
    servers.push(server);
  }
  if (group) await tellJoined(context, group.id);
  await claimQuotas(context, { ports: count * networks.filter(({ portId }) => portId === undefined).length, servers: timesOf(quotaOf({ flavor, resize: null }), count), areCounted: range, defaults });
  return servers;
}

/** nova/compute/api.py, _retrieve_trusted_certs_object: to take them and not to look at them would be a lie. */
export function demandNoCertificates(certificates: readonly string[] | null): void {
  if (certificates !== null) throw badRequest('Image signature certificate validation failed: certificates of images are not validated by this cloud.');
}

/** nova/compute/api.py, _get_requested_instance_group */
async function joinedGroup({ tx }: Context, { group: hint }: Record<string, unknown>): Promise<ServerGroup | null> {
  const id: unknown = Array.isArray(hint) ? hint[0] : hint;
  if (typeof id !== 'string') return null;
  const group = await lockServerGroup(tx, id);
  if (!group) throw badRequest(`Instance group ${id} could not be found.`);
  return group;
}

type Zone = { availabilityZone: string | null; onlyHostname: string | null };

const noZone: Zone = { availabilityZone: null, onlyHostname: null };

/** Of a disk that is made of the image on the host; volumes have sizes of their own. */
function demandFitOf(flavor: Flavor, image: BootImage, { root }: Plan, isAdmin: boolean): void {
  if (root.kind === 'volume') {
    if (flavor.memoryMiB < image.minRamMiB) throw badRequest("Flavor's memory is too small for requested image.");
    return;
  }
  if (image.vetted === null) throw badRequest('Block Device Mapping is Invalid: the image has no disk, and says of none that could be booted from.');
  demandFit(flavor, image, isAdmin);
}

function newServer({ id, name, context, wish, flavor, image, disks, localDisks, zone, publicKey, reservationId, index, group }: { localDisks: LocalDisk[]; group: ServerGroup | null; id: string; name: string; context: Context; wish: NewServer; flavor: Flavor; image: BootImage | null; disks: Plan; zone: Zone; publicKey: string | null; reservationId: string; index: number }): Server {
  const local = disks.root.kind === 'image' ? image : null;
  return {
    id,
    projectId: context.caller.projectId ?? '',
    userId: context.caller.userId,
    generation: 1,
    name,
    hostname: wish.hostname ?? hostnameOf(name, id),
    vmState: 'building',
    taskState: 'scheduling',
    power: 'running',
    bootEpoch: 0,
    diskEpoch: 0,
    flavor,
    // Shown also where it boots from a volume: nova/compute/api.py, _create_instance
    imageId: image?.id ?? null,
    rootImage: local?.vetted ?? null,
    rootDiskGiB: local ? flavor.diskGiB : 0,
    localDisks,
    hostId: null,
    ...zone,
    keyName: wish.keyName,
    publicKey,
    userData: wish.userData,
    files: [...wish.files],
    // Files reach a guest by it alone.
    configDrive: wish.configDrive || wish.files.length > 0 ? 'True' : '',
    adminPass: wish.adminPass,
    metadata: wish.metadata,
    accessIpv4: wish.accessIpv4,
    accessIpv6: wish.accessIpv6,
    diskConfig: wish.diskConfig ?? 'MANUAL',
    locked: false,
    lockedBy: null,
    lockedReason: null,
    description: wish.description,
    tags: [...new Set(wish.tags)].toSorted(),
    schedulerHints: wish.schedulerHints,
    groupId: group?.id ?? null,
    hostZone: null,
    imageProperties: image === null ? {} : knownProperties(image.properties),
    rescue: null,
    shelvedImageId: null,
    launchIndex: index,
    reservationId,
    fault: null,
    resize: null,
    createdAt: context.now,
    updatedAt: context.now,
    launchedAt: null,
    terminatedAt: null,
    deletedAt: null,
  };
}

/** What an image says of the machine that it wants: nova/objects/image_meta.py, ImageMetaProps */
export function knownProperties(properties: ServerImage['properties']): Record<string, string> {
  return Object.fromEntries(Object.entries(properties).filter((entry): entry is [string, string] => entry[1] !== null && /^(hw|os|img|trait|traits|compute)[_:]/.test(entry[0])));
}

/** RFC 1123, as nova/utils.py, sanitize_hostname makes it of a name. */
export function hostnameOf(name: string, id: string): string {
  const plain = name
    .toLowerCase()
    .replaceAll(/[ _.]/g, '-')
    .replaceAll(/[^a-z0-9-]+/g, '')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63)
    .replaceAll(/-+$/g, '');
  return plain === '' ? `server-${id}` : plain;
}

function usableImage(context: Context, imageId: string): Promise<BootImage> {
  return getBootImage(context, imageId).catch((error: unknown) => {
    throw error instanceof Fault && error.status === 404 ? badRequest('Can not find requested image') : error;
  });
}

/** nova/compute/api.py, _validate_flavor_image_nostatus */
export function demandFit(flavor: Flavor, image: ServerImage, isAdmin: boolean): void {
  if (flavor.memoryMiB < image.minRamMiB) throw badRequest("Flavor's memory is too small for requested image.");
  if (flavor.diskGiB === 0) {
    if (isAdmin) return;
    throw forbidden('Only volume-backed servers are allowed for flavors with zero disk.');
  }
  const bytes = flavor.diskGiB * 2 ** 30;
  if (image.virtualSizeBytes > bytes) throw badRequest(`Flavor's disk is too small for requested image. Flavor disk is ${bytes} bytes, image is ${image.virtualSizeBytes} bytes.`);
  if (image.minDiskGiB > flavor.diskGiB) throw badRequest(`Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is ${bytes} bytes, minimum size is ${image.minDiskGiB * 2 ** 30} bytes.`);
}

async function readZone({ tx, caller }: Context, { availabilityZone, destination: { host, node } }: Pick<NewServer, 'availabilityZone' | 'destination'>): Promise<Zone> {
  if (availabilityZone === null && host === undefined && node === undefined) return noZone;
  const [zone = '', forcedHost, forcedNode] = (availabilityZone ?? '').split(':');
  if ((forcedHost !== undefined || forcedNode !== undefined) && !caller.isAdmin) throw forbidden("Policy doesn't allow os_compute_api:servers:create:forced_host to be performed.");
  if ((host !== undefined || node !== undefined) && !caller.isAdmin) throw forbidden("Policy doesn't allow compute:servers:create:requested_destination to be performed.");
  if ((forcedHost || forcedNode) && (host !== undefined || node !== undefined)) throw badRequest('Host or hypervisor_hostname cannot be given together with a host in the availability zone.');
  const hosts = await listHosts(tx);
  if (zone !== '' && !hosts.some((each) => each.availabilityZone === zone)) throw badRequest('The requested availability zone is not available');
  for (const name of [host, node]) if (name !== undefined) demandHost(hosts, name);
  if (host !== undefined && node !== undefined && host !== node) throw badRequest(`Compute host ${host} could not be found.`);
  return { availabilityZone: zone === '' ? null : zone, onlyHostname: forcedHost || forcedNode || host || node || null };
}

function demandHost(hosts: readonly Host[], name: string): void {
  if (!hosts.some(({ hostname }) => hostname === name)) throw badRequest(`Compute host ${name} could not be found.`);
}

export async function publicKeyOf({ tx, caller }: Context, name: string): Promise<string> {
  const pair = await selectKeyPair(tx, caller.userId, name);
  if (!pair) throw badRequest('Invalid key_name provided.');
  return pair.publicKey;
}

async function networksCalled(context: Context, called: 'only' | 'auto' | 'none'): Promise<NetworkWish[]> {
  if (called === 'none') return [];
  const networks = await networksForServer(context);
  if (networks.length > 1) throw conflict('Multiple possible networks found, use a Network ID to be more specific.');
  if (networks.length === 0 && called === 'auto') return [{ networkId: await madeByItself(context) }];
  return networks.map(({ id }) => ({ networkId: id }));
}

/** nova/network/neutron.py, _auto_allocate_network */
async function madeByItself(context: Context): Promise<string> {
  const projectId = context.caller.projectId ?? '';
  return autoAllocatedNetwork(context, projectId).catch((error: unknown) => {
    throw error instanceof Fault ? badRequest(`Unable to automatically allocate a network for project ${projectId}`) : error;
  });
}

async function plugPorts(context: Context, server: Server, networks: readonly NetworkWish[], securityGroups: string[] | undefined): Promise<void> {
  for (const { networkId, portId, fixedIp, tag = null } of networks) {
    const made = await takeServerPort(context, {
      serverId: server.id,
      projectId: server.projectId,
      ...(portId === undefined ? { networkId } : { portId }),
      fixedIp,
      securityGroups,
      availabilityZone: server.availabilityZone ?? 'nova',
      hostname: server.hostname,
      countedLater: true,
    }).catch(asNetworkFault);
    await appendInterface(context.tx, { serverId: server.id, projectId: server.projectId, portId: made, tag, state: 'attaching' }, context.now);
  }
}

/**
 * Last, and together with the commit: all who make servers in this project queue for it until then. Ports come before servers,
 * here as where they are given back.
 */
async function claimQuotas({ tx, caller }: Pick<Context, 'tx' | 'caller'>, { ports, servers, areCounted, defaults }: { ports: number; servers: Amounts; areCounted: boolean; defaults: Amounts }): Promise<void> {
  const projectId = caller.projectId ?? '';
  // What was set for a user is looked at when nobody else of the project can make any more.
  const asLast = !(await hasUserLimits(tx, projectId, caller.userId));
  if (ports > 0) claimQuotaLast(tx, projectId, { 'network.port': ports }, tooManyPorts);
  if (!areCounted && asLast) claimQuotaLast(tx, projectId, servers, overQuota, defaults);
  if (asLast) return;
  if (!areCounted) await claimQuota(tx, projectId, servers, defaults).catch(asQuotaFault);
  await demandUserRoom(tx, projectId, caller.userId, servers).catch(asQuotaFault);
}

/** As many servers as fit. */
async function claimAsFit(tx: Transaction, projectId: string, flavor: Flavor, { minCount, maxCount }: NewServer, defaults: Amounts): Promise<number> {
  // Ports are claimed before servers, by whoever claims both.
  await holdQuota(tx, projectId, ['network.port']);
  return claimAsMany(tx, projectId, quotaOf({ flavor, resize: null }), { least: minCount, most: maxCount, defaults }).catch(asQuotaFault);
}

function timesOf(each: Amounts, count: number): Amounts {
  return Object.fromEntries(Object.entries(each).map(([resource, amount]) => [resource, amount * count]));
}

export async function getServer({ tx }: Pick<Context, 'tx'>, id: string): Promise<Server> {
  const server = await findServer(tx, id);
  if (!server) throw noServer(id);
  return server;
}

export async function listServers({ tx }: Pick<Context, 'tx'>, filter: ServerFilter, page: Page): Promise<ListedServer[]> {
  if (page.marker !== null && !(await isServerId(tx, page.marker))) throw badRequest(`marker [${page.marker}] not found`);
  return selectServers(tx, filter, page);
}

export type ServerChanges = Partial<Pick<Server, 'name' | 'accessIpv4' | 'accessIpv6' | 'diskConfig' | 'description' | 'hostname'>>;

export async function updateServer(compute: Compute, context: Context, id: string, changes: ServerChanges): Promise<Server> {
  const server = await lockServer(context.tx, id);
  const renamed = (changes.name ?? server.name) !== server.name || (changes.hostname ?? server.hostname) !== server.hostname;
  const changed = await changeServer(context.tx, { now: () => context.now }, server, changes, { requestId: context.requestId, intent: renamed });
  // The guest reads its name from the metadata service.
  if (renamed) await refreshServer(compute, context, changed);
  return changed;
}

/** Whatever else is under way for it ends; asking twice is asking once. */
export async function deleteServer(compute: Compute, context: Context, id: string): Promise<void> {
  const { tx, caller, now, requestId } = context;
  const server = await lockServer(tx, id);
  demandUnlocked(server, caller);
  if (server.taskState === 'deleting') return;
  await changeServer(tx, { now: () => now }, server, { taskState: 'deleting' }, { event: 'server.delete.start', requestId, intent: true });
  await noteAction(tx, { serverId: id, projectId: server.projectId, requestId, action: 'delete', userId: caller.userId, startedAt: now });
  await compute.workflows.supersede(tx, deleteServerWorkflow, { subject: subjectOf(id), input: { serverId: id }, projectId: server.projectId, requestId });
}

