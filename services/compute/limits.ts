/** What projects may use of compute, and of that each of their users. */
import type { GuestFile } from '../../drivers/driver.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { OverQuota, quotaDefaults, type Amounts, type QuotaResource } from '../quota/quotas.ts';
import { forbidden } from '../../kit/fault.ts';
import { selectClassLimits, selectPlainLimits, selectUsedBy, selectUserLimits } from './quota-classes.store.ts';

/** The class whose limits are those of every project for which none were set: nova/quota.py, DbQuotaDriver */
export const defaultClass = 'default';

/** Limits of compute where none were set for the project: as an operator has said, or as Nova ships them. */
export async function defaultLimits(tx: Transaction): Promise<Amounts> {
  const said = (await selectClassLimits(tx, defaultClass)).filter(({ resource }) => resource in quotaDefaults);
  return Object.fromEntries(said.map(({ resource, most }) => [resource, most]));
}

/** What Nova limits one by one, and what it keeps of the network's for who still asks: nova/quota.py. Nothing of it is counted. */
export const plainDefaults = {
  floating_ips: -1,
  fixed_ips: -1,
  metadata_items: 128,
  injected_files: 5,
  injected_file_content_bytes: 10240,
  injected_file_path_bytes: 255,
  security_groups: -1,
  security_group_rules: -1,
  server_group_members: 10,
} as const;

export type PlainLimits = Record<keyof typeof plainDefaults, number>;

/** As was set for the project, and else for all. */
export async function plainLimits(tx: Transaction, projectId: string): Promise<PlainLimits> {
  const [common, own] = await Promise.all([selectClassLimits(tx, defaultClass), selectPlainLimits(tx, projectId)]);
  return { ...plainDefaults, ...plainOf(common), ...plainOf(own) };
}

export function plainOf(limits: readonly { resource: string; most: number }[]): Partial<PlainLimits> {
  return Object.fromEntries(limits.filter(({ resource }) => resource in plainDefaults).map(({ resource, most }) => [resource, most]));
}

/** nova/compute/api.py, _check_metadata_properties_quota */
export async function demandMetadataRoom(tx: Transaction, projectId: string, metadata: Readonly<Record<string, string>>): Promise<void> {
  const count = Object.keys(metadata).length;
  if (count === 0) return;
  const { metadata_items: most } = await plainLimits(tx, projectId);
  if (most >= 0 && count > most) throw forbidden(`Maximum number of metadata items exceeds ${most}`);
}

/** Of paths and contents the longest counts, as it was sent. nova/compute/api.py, _check_injected_file_quota */
export async function demandFilesRoom(tx: Transaction, projectId: string, files: readonly GuestFile[]): Promise<void> {
  if (files.length === 0) return;
  const limits = await plainLimits(tx, projectId);
  const isBeyond = (size: number, most: number) => most >= 0 && size > most;
  if (isBeyond(files.length, limits.injected_files)) throw forbidden('Personality file limit exceeded');
  const longest = (sizes: readonly number[]) => Math.max(...sizes);
  if (isBeyond(longest(files.map(({ path }) => path.length)), limits.injected_file_path_bytes)) throw forbidden(`Personality file path exceeds maximum ${limits.injected_file_path_bytes}`);
  if (isBeyond(longest(files.map(({ contents }) => contents.length)), limits.injected_file_content_bytes)) throw forbidden(`Personality file content exceeds maximum ${limits.injected_file_content_bytes}`);
}

export async function hasUserLimits(tx: Transaction, projectId: string, userId: string): Promise<boolean> {
  return (await selectUserLimits(tx, projectId, userId)).some(({ most }) => most >= 0);
}

/** Whether what was just made for a user is within what was set for him; nothing is said of what was not. Throws OverQuota. */
export async function demandUserRoom(tx: Transaction, projectId: string, userId: string, made: Amounts): Promise<void> {
  const limits = (await selectUserLimits(tx, projectId, userId)).filter(({ most }) => most >= 0);
  if (limits.length === 0) return;
  const { instances, cores, ram } = await selectUsedBy(tx, projectId, userId);
  const used: Partial<Record<QuotaResource, number>> = { 'compute.instances': instances, 'compute.cores': cores, 'compute.ram': ram };
  for (const { resource, most } of limits) {
    const more = made[resource as QuotaResource] ?? 0;
    const had = (used[resource as QuotaResource] ?? 0) - more;
    if (more > 0 && had + more > most) throw new OverQuota(resource as QuotaResource, more, had, most);
  }
}
