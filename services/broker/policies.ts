/** What a project, or the whole cloud, wants of the places where its machines go. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { findPolicy, type KeptPolicy } from './policies.store.ts';
import { usualPolicy, type Policy } from './placing.ts';

/** The empty project: the policy of all who have none. */
export const wholeCloud = '';

export type FoundPolicy = { policy: Policy; source: 'project' | 'cloud' | 'usual' };

/** The project's own, else the cloud's, else the usual one. */
export async function policyOf(tx: Transaction, projectId: string): Promise<FoundPolicy> {
  const own = projectId === wholeCloud ? undefined : await findPolicy(tx, projectId);
  if (own) return { policy: fromKept(own), source: 'project' };
  const common = await findPolicy(tx, wholeCloud);
  return common ? { policy: fromKept(common), source: 'cloud' } : { policy: usualPolicy, source: 'usual' };
}

export function fromKept({ limits, preferences }: KeptPolicy): Policy {
  const { hourlyAtMost, ...rest } = limits;
  return { limits: { ...rest, ...(hourlyAtMost === undefined ? {} : { hourlyAtMost: BigInt(hourlyAtMost) }) }, preferences };
}

export function toKept({ limits, preferences }: Policy): KeptPolicy {
  const { hourlyAtMost, ...rest } = limits;
  return { limits: { ...rest, ...(hourlyAtMost === undefined ? {} : { hourlyAtMost: String(hourlyAtMost) }) }, preferences };
}
