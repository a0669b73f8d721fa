/** What the limits of limits.ts come to, for whoever counts: by the names of services/quota, over all regions and in one. */
import type { Transaction } from '../../kit/postgres/database.ts';
import type { Bound } from '../quota/bounds.ts';
import { countedAs, unifiedNameOf } from '../quota/unified-names.ts';
import { enforcementModelOf } from './limits.ts';
import { listLimitChanges, listNotedResources, listRegisteredFor } from './limits.store.ts';
import { listProjectIdsAround } from './projects.store.ts';

/** Woken by the database itself, as limits go with what they are of: schema/0007-limit-changes.sql. */
export const limitsChannel = 'identity_limits';

/** Whether anything was ever registered of what is counted: without, every service's own quotas are all there is. */
export async function areLimitsUsed(tx: Transaction): Promise<boolean> {
  return (await listNotedResources(tx)).some(({ serviceType, resourceName }) => countedAs(serviceType, resourceName) !== undefined);
}

/** Those that concern a region, in the order of the commits. What is counted nowhere is passed over. */
export async function limitsSince(tx: Transaction, { region, after, most }: { region: string; after: number; most: number }): Promise<{ bounds: Bound[]; last: number; more: boolean }> {
  const changes = await listLimitChanges(tx, after, most);
  const bounds = changes.flatMap(({ serviceType, resourceName, regionId, projectId, amount }): Bound[] => {
    const counted = regionId === null || regionId === region ? countedAs(serviceType, resourceName) : undefined;
    return counted ? [{ kind: counted.resource, subject: projectId, here: regionId !== null, amount: amount === null ? null : inOurs(amount, counted.unit) }] : [];
  });
  return { bounds, last: changes.at(-1)?.number ?? after, more: changes.length === most };
}

export type LimitsInForce = {
  /** Over all regions; null: nothing was registered for all of them. */
  shared: bigint | null;
  /** Only registered for single regions, each of which keeps its own. */
  onlyRegional: boolean;
  /** With two strict levels: what all projects of the domain have together. */
  domain: { projectIds: readonly string[]; shared: bigint | null; here: bigint | null } | undefined;
};

export async function limitsInForce(tx: Transaction, { kind, projectId, region }: { kind: string; projectId: string; region: string }): Promise<LimitsInForce | undefined> {
  const named = unifiedNameOf(kind);
  const registered = named ? await listRegisteredFor(tx, { serviceTypes: named.types, resourceName: named.name, projectId }) : [];
  if (!named || registered.length === 0) return undefined;
  const least = (amounts: readonly number[]) => leastOf(amounts.map((amount) => inOurs(amount, named.unit)));
  const everywhere = registered.filter(({ regionId }) => regionId === null);
  const here = registered.filter(({ regionId }) => regionId === region);
  const ofDomain = (limits: typeof registered) => least(limits.map((each) => each.ofDomain ?? each.common));
  const isStrict = (await enforcementModelOf(tx)) === 'strict_two_level';
  return {
    shared: least(everywhere.map(({ ofProject, common }) => ofProject ?? common)),
    onlyRegional: everywhere.length === 0,
    domain: isStrict ? { projectIds: await listProjectIdsAround(tx, projectId), shared: ofDomain(everywhere), here: ofDomain(here) } : undefined,
  };
}

function inOurs(amount: number, unit: number): bigint {
  return amount === -1 ? -1n : BigInt(amount) * BigInt(unit);
}

function leastOf(amounts: readonly bigint[]): bigint | null {
  if (amounts.length === 0) return null;
  const limited = amounts.filter((amount) => amount !== -1n);
  return limited.length === 0 ? -1n : limited.reduce((one, other) => (one < other ? one : other));
}
