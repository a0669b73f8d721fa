/** Deciding where a machine goes, with everything that was weighed kept, so that "why" has an answer for ever. */
import type { Context } from '../../kit/http/implement.ts';
import { notFound } from '../../kit/fault.ts';
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import { candidatesFor, type Offers } from './candidates.ts';
import { takeCapacity } from './capacity.store.ts';
import { findDecision, insertDecision, selectDecisions, type Decision, type KeptVerdict } from './decisions.store.ts';
import { place, type Candidate, type Policy, type Ruling, type Verdict, type Wish } from './placing.ts';
import { policyOf, toKept } from './policies.ts';

export type { Decision } from './decisions.store.ts';

export type Decided = { ruling: Ruling; policy: Policy; candidates: readonly Candidate[] };

/** What would be decided now; nothing is kept. */
export async function weigh(tx: Transaction, offers: Offers, { projectId, now, wish, policy, exclude = [] }: { projectId: string; now: Date; wish: Wish; policy?: Policy; exclude?: readonly string[] }): Promise<Decided> {
  const candidates = await candidatesFor(tx, offers, { projectId, now, machines: wish });
  const used = policy ?? (await policyOf(tx, projectId)).policy;
  // Asked and could not: as if the policy said so, and so it can be read.
  const limits = exclude.length === 0 ? used.limits : { ...used.limits, notRegions: [...(used.limits.notRegions ?? []), ...exclude] };
  const effective = { ...used, limits };
  return { ruling: place(wish, effective, candidates), policy: effective, candidates };
}

export async function keepDecision({ tx, caller, now, requestId }: Context, { id, clientKey, wish, decided }: { id: string; clientKey: string | null; wish: Wish; decided: Decided }): Promise<Decision> {
  const { ruling, policy, candidates } = decided;
  const { chosen } = ruling;
  const taken = candidates.find(({ region, availabilityZone }) => region === chosen?.region && availabilityZone === chosen.availabilityZone);
  const decision: Decision = {
    id,
    projectId: caller.projectId ?? '',
    userId: caller.userId,
    requestId,
    clientKey: chosen ? clientKey : null,
    wish,
    policy: toKept(policy),
    verdicts: ruling.verdicts.map(kept),
    region: chosen?.region ?? null,
    hourly: chosen ? String(chosen.hourly) : null,
    currency: taken?.currency ?? null,
    bookHash: taken?.bookHash ?? null,
    state: chosen ? 'intended' : 'refused',
    serverId: null,
    succeeded: null,
    why: chosen ? null : 'No place would do.',
    decidedAt: now,
    settledAt: null,
  };
  await insertDecision(tx, decision);
  if (taken) await takeCapacity(tx, taken, { vcpus: wish.vcpus * wish.count, memoryMiB: wish.memoryMiB * wish.count, diskGiB: wish.diskGiB * wish.count }, now);
  return decision;
}

export function kept({ hourly, ...verdict }: Verdict): KeptVerdict {
  return { ...verdict, hourly: String(hourly) };
}

export async function getDecision({ tx }: Context, id: string): Promise<Decision> {
  const decision = await findDecision(tx, id);
  if (!decision) throw notFound(`There is no decision ${id}.`, 'decision-not-found');
  return decision;
}

export async function listDecisions({ tx, caller }: Context, { serverId, marker, limit }: { serverId?: string | undefined; marker?: string | undefined; limit: number }): Promise<Decision[]> {
  const after = marker === undefined ? undefined : await findDecision(tx, marker);
  if (marker !== undefined && !after) throw notFound(`There is no decision ${marker}.`, 'decision-not-found');
  return selectDecisions(
    tx,
    sql`project_id = ${caller.projectId ?? ''} and ${serverId === undefined ? sql`true` : sql`server_id = ${serverId}`}
      and ${after ? sql`(decided_at < ${after.decidedAt} or (decided_at = ${after.decidedAt} and id > ${after.id}))` : sql`true`}`,
    limit,
  );
}
