import type { Static } from 'typebox';
import { defaultPolicy as defaultContract, policy as contract, type Policy as Shown } from '../../contract/intercloud/broker/policies.ts';
import { emit } from '../../kit/events/events.ts';
import type { Caller } from '../../kit/http/caller.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { nanosOf, moneyOf } from '../billing/money.ts';
import { regionsOffered } from '../brand/brands.ts';
import { customerOf } from '../home-link/admittance.ts';
import { policyOf, toKept, wholeCloud } from './policies.ts';
import { deletePolicy, setPolicy } from './policies.store.ts';
import { preferences, type Policy } from './placing.ts';

export const policy = implement(contract, {
  show: (request) => show(request, request.caller.projectId ?? ''),
  async replace(request) {
    await set(request, request.caller.projectId ?? '', request.body.policy);
    return show(request, request.caller.projectId ?? '');
  },
  async delete({ tx, caller, now, requestId }) {
    const projectId = caller.projectId ?? '';
    if ((await deletePolicy(tx, projectId)) > 0) await emit(tx, { now: () => now }, { type: 'policy.delete', resource: 'policy', resourceId: projectId, projectId, requestId, payload: {} });
  },
});

export const defaultPolicy = implement(defaultContract, {
  show: (request) => show(request, wholeCloud),
  async replace(request) {
    await set(request, wholeCloud, request.body.policy);
    return show(request, wholeCloud);
  },
});

async function show({ tx, caller }: Pick<Context, 'tx' | 'caller'>, projectId: string) {
  const { policy: found, source } = await policyOf(tx, projectId);
  return { policy: { ...shownPolicy(found, await seenBy(tx, caller)), source } };
}

/** Of which regions somebody may hear; undefined: of all. */
export async function seenBy(tx: Context['tx'], caller: Caller): Promise<ReadonlySet<string> | undefined> {
  const domainId = customerOf(caller);
  return (domainId === undefined ? null : await regionsOffered(tx, domainId)) ?? undefined;
}

async function set({ tx, now, requestId }: Context, projectId: string, given: Static<typeof Shown>): Promise<void> {
  await setPolicy(tx, projectId, toKept(readPolicy(given)), now);
  await emit(tx, { now: () => now }, { type: 'policy.update', resource: 'policy', resourceId: projectId, projectId: projectId === wholeCloud ? undefined : projectId, requestId, payload: {} });
}

export function readPolicy({ limits, preferences: weights }: Static<typeof Shown>): Policy {
  const { not_regions, hourly_at_most, reliability_at_least, image_present, regions, kinds, labels } = limits;
  return {
    limits: {
      regions,
      notRegions: not_regions,
      kinds,
      labels,
      reliabilityAtLeast: reliability_at_least,
      imagePresent: image_present,
      ...(hourly_at_most === undefined ? {} : { hourlyAtMost: nanosOf(hourly_at_most) }),
    },
    preferences: Object.fromEntries(preferences.map((name) => [name, weights[name] ?? 0])) as Policy['preferences'],
  };
}

/** The policy of the whole cloud may name regions that are not offered to whoever looks: to him they are not there. */
export function shownPolicy({ limits, preferences: weights }: Policy, seen?: ReadonlySet<string>): Static<typeof Shown> {
  const only = (names: readonly string[]) => names.filter((name) => seen === undefined || seen.has(name));
  const { regions, notRegions, kinds, labels, hourlyAtMost, reliabilityAtLeast, imagePresent } = limits;
  return {
    limits: {
      ...(regions === undefined ? {} : { regions: only(regions) }),
      ...(notRegions === undefined ? {} : { not_regions: only(notRegions) }),
      ...(kinds === undefined ? {} : { kinds: [...kinds] }),
      ...(labels === undefined ? {} : { labels: Object.fromEntries(Object.entries(labels).map(([name, values]) => [name, [...values]])) }),
      ...(hourlyAtMost === undefined ? {} : { hourly_at_most: moneyOf(hourlyAtMost) }),
      ...(reliabilityAtLeast === undefined ? {} : { reliability_at_least: reliabilityAtLeast }),
      ...(imagePresent === undefined ? {} : { image_present: imagePresent }),
    },
    preferences: { ...weights },
  };
}
