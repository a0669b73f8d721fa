/** What works on volumes: the workers, and the storage behind the region's driver. */
import { DriverError } from '../../drivers/driver.ts';
import { badRequest, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import type { RegionParts } from '../parts.ts';
import { satisfies, type Capabilities } from './capabilities.ts';
import { markSeen, selectLogLevels, selectServices, setLogLevel as writeLogLevel, updateService, useByProject, type ProjectUse, type VolumeService } from './services.store.ts';
import { tellService } from './volume-events.ts';

export type { ProjectUse } from './services.store.ts';

/** Where volumes are, as Cinder writes it: host@backend#pool. There is one storage a region. */
const storageHost = 'intercloud@storage';
/** Names the storage of every region alike, as there is but one in each. */
export const storageId = 'b7a2b5a4-6c0a-5d0e-9d37-3f5f2a1c8e10';
export const pool = `${storageHost}#storage`;

const beatMs = 15_000;
/** cinder: service_down_time */
const silenceMs = 60_000;

/** By its pool, or by the backend that has it. */
export function isStorage(host: string): boolean {
  return host === pool || host === storageHost;
}

/** A worker that comes here works; the storage does when it answers. */
export const heartbeat = { everyMs: beatMs, beat };

async function beat({ database, driver, clock, log }: Pick<RegionParts, 'database' | 'driver' | 'clock' | 'log'>): Promise<void> {
  const seen = (binary: VolumeService['binary']) => database.transaction({ kind: 'system', reason: 'services say that they work' }, (tx) => markSeen(tx, binary, clock.now()));
  await keepToLevels({ database, log });
  await seen('cinder-scheduler');
  await seen('cinder-backup');
  try {
    await driver.volumes.list();
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    log.warn({ err: error }, 'the storage does not answer');
    return;
  }
  await seen('cinder-volume');
}

export type Service = VolumeService & { up: boolean };

export async function listServices({ tx, now }: { tx: Transaction; now: Date }, { host, binary }: { host?: string | undefined; binary?: string | undefined } = {}): Promise<Service[]> {
  const all = (await selectServices(tx)).map((service) => ({ ...service, up: now.getTime() - service.seenAt.getTime() <= silenceMs }));
  // A host stands for all that is on it: cinder/db/sqlalchemy/api.py, _filter_host
  return all.filter((service) => (host === undefined || service.host === host || service.host.startsWith(`${host}@`)) && (binary === undefined || service.binary === binary));
}

export async function setService(context: Context, { host, binary }: { host: string; binary: string }, { disabled, reason = null }: { disabled: boolean; reason?: string | null }): Promise<void> {
  const { tx } = context;
  const found = (await selectServices(tx)).find((service) => service.host === host && service.binary === binary);
  if (!found) throw notFound(`Service ${binary} could not be found on host ${host}.`);
  // The workers share their work: none can be told to say nothing.
  if (disabled && found.binary !== 'cinder-volume') throw badRequest(`Invalid input received: ${binary} cannot be disabled: only storage can.`);
  await updateService(tx, { ...found, disabled, disabledReason: disabled ? reason : null });
  await tellService(context, found);
}

/** While storage is frozen, nothing on it is made, changed or deleted. cinder/objects/base.py, assert_not_frozen */
export async function demandThawed(tx: Transaction): Promise<void> {
  if ((await selectServices(tx)).some(({ frozen }) => frozen)) throw badRequest('Invalid input received: Modification operations are not allowed on frozen storage_id.');
}

export async function setFrozen(context: Context, { host, cluster }: { host?: string | undefined; cluster?: string | null | undefined }, frozen: boolean): Promise<void> {
  const service = await storageNamed(context, { host, cluster });
  await updateService(context.tx, { ...service, frozen });
  await tellService(context, service);
}

async function storageNamed({ tx }: Pick<Context, 'tx'>, { host, cluster }: { host?: string | undefined; cluster?: string | null | undefined }): Promise<VolumeService> {
  if ((host === undefined) === (cluster == null || cluster === '')) throw badRequest('Invalid input received: One and only one of cluster and host must be set.');
  const found = host !== undefined && isStorage(host) ? (await selectServices(tx)).find((service) => service.binary === 'cinder-volume') : undefined;
  // cinder/api/contrib/services.py, _volume_api_proxy: what is not found here is wrong input.
  if (!found) throw badRequest(`Invalid input received: ${host === undefined ? `Cluster ${cluster} could not be found.` : `Service cinder-volume could not be found on host ${host}.`}`);
  return found;
}

/** The storage keeps no copies elsewhere. cinder/volume/api.py, failover */
export async function demandReplicated(context: Context, named: { host?: string | undefined; cluster?: string | null | undefined }): Promise<never> {
  await storageNamed(context, named);
  throw badRequest('Invalid input received: No suitable service found: its replication_status must be enabled or failed-over, and is disabled.');
}

// How much services write of what they do

/** Cinder's words and ours. */
const levels: Record<string, string> = { CRITICAL: 'fatal', ERROR: 'error', WARNING: 'warn', INFO: 'info', DEBUG: 'debug' };

export async function setLevels(context: Context, { binary, server, prefix, level }: LogWish & { level: string }): Promise<void> {
  for (const service of await writing(context, { binary, server })) {
    await writeLogLevel(context.tx, { binary: service.binary, prefix: prefix ?? '', level: level.toUpperCase() });
    await tellService(context, service);
  }
}

export async function getLevels(context: Context, { binary, server, prefix }: LogWish): Promise<{ service: VolumeService; levels: Record<string, string> }[]> {
  const set = await selectLogLevels(context.tx);
  return (await writing(context, { binary, server })).map((service) => {
    const own = set.filter((each) => each.binary === service.binary && each.prefix.startsWith(prefix ?? ''));
    return { service, levels: Object.fromEntries([[prefix == null || prefix === '' ? 'cinder' : prefix, 'INFO'] as const, ...own.map((each) => [each.prefix === '' ? 'cinder' : each.prefix, each.level] as const)]) };
  });
}

export type LogWish = { binary?: string | null | undefined; server?: string | null | undefined; prefix?: string | null | undefined };

async function writing(context: Context, { binary, server }: LogWish): Promise<VolumeService[]> {
  const all = await selectServices(context.tx);
  return all.filter((service) => (binary == null || binary === '' || binary === '*' || service.binary === binary) && (server == null || server === '' || server === service.host));
}

/** A worker writes as much as the most talkative of its services is told to; as it was begun with, where nothing is said. */
async function keepToLevels({ database, log }: Pick<RegionParts, 'database' | 'log'>): Promise<void> {
  const set = await database.read({ kind: 'system', reason: 'services say that they work' }, selectLogLevels);
  const order = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];
  const [most] = set.filter(({ prefix }) => prefix === '' || prefix.startsWith('cinder')).map(({ level }) => level).toSorted((one, other) => order.indexOf(one) - order.indexOf(other));
  if (most !== undefined) log.level = levels[most]!;
}

/** What a pool can do for this type, where one is named. */
export async function poolTakes(tx: Transaction, extraSpecs: Readonly<Record<string, string>>): Promise<boolean> {
  return satisfies(await capabilities(tx), extraSpecs);
}

/** Whether a new volume may go to the storage, which does what its type asks for. */
export async function takesVolumes(tx: Transaction, extraSpecs: Readonly<Record<string, string>>): Promise<boolean> {
  const open = (await selectServices(tx)).some(({ binary, disabled, frozen }) => binary === 'cinder-volume' && !disabled && !frozen);
  return open && satisfies(await capabilities(tx), extraSpecs);
}

export async function useOfHost(context: { tx: Transaction; now: Date }, host: string): Promise<ProjectUse[]> {
  const services = await listServices(context);
  if (!services.some((service) => service.host === host && service.binary === 'cinder-volume' && !service.disabled)) throw notFound(`Host ${host} could not be found.`);
  return useByProject(context.tx);
}

/** What the scheduler knows of the pool. How large the storage is, no driver says. */
export async function capabilities(tx: Transaction): Promise<Capabilities> {
  const use = await useByProject(tx);
  const provisioned = use.reduce((sum, { volumeGiB }) => sum + volumeGiB, 0);
  return {
    volume_backend_name: 'storage',
    pool_name: 'storage',
    vendor_name: 'Intercloud',
    driver_version: '1.0',
    storage_protocol: 'file',
    total_capacity_gb: 'unknown',
    free_capacity_gb: 'unknown',
    allocated_capacity_gb: provisioned,
    provisioned_capacity_gb: provisioned,
    reserved_percentage: 0,
    thin_provisioning_support: true,
    thick_provisioning_support: false,
    multiattach: true,
    replication_enabled: false,
    consistent_group_snapshot_enabled: false,
    group_replication_enabled: false,
    consistent_group_replication_enabled: false,
    QoS_support: false,
  };
}
