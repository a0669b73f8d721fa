/** Keystone's default policies, as far as they look at what is asked for: keystone/common/policies. */
import type { Caller } from '../../kit/http/caller.ts';
import type { Context as Called, Judged } from '../../kit/http/implement.ts';
import type { Target as RuleTarget } from '../../kit/policy/language.ts';
import { forbiddenAction } from './refusals.ts';

/** A call whose rules are asked: contract/identity/policy.ts, or what the operator put in their place. */
export type Context = Called & Judged;

/** Refuses with 403 in keystone's words. The target is what upstream's rules look at: `{ user: { domain_id } }`. */
export function demand({ policy, caller }: Pick<Context, 'policy' | 'caller'>, rule: string, target: RuleTarget = {}): void {
  policy.demand(rule, caller, target);
}

/** The domain that a list is limited to, as a token of a domain sees no other; undefined: all of them. */
export function demandList({ policy, caller }: Pick<Context, 'policy' | 'caller'>, rule: string, target: (domainId: string) => RuleTarget): string | undefined {
  policy.demand(rule, caller, caller.domainId === null ? {} : target(caller.domainId));
  return caller.domainId ?? undefined;
}

/** Whose thing it is; what is left out gives nobody a right. */
export type Target = { userId?: string; projectId?: string; domainId?: string | null; anyoneInDomainId?: string };

/** Administrators and readers of the whole system; readers of its domain; its owner; its project. */
export function mayRead(caller: Caller, target: Target = {}): boolean {
  return (
    readsEverything(caller) ||
    (target.userId !== undefined && target.userId === caller.userId) ||
    (target.projectId !== undefined && target.projectId === caller.projectId) ||
    (target.domainId != null && target.domainId === caller.domainId && caller.roles.has('reader')) ||
    (target.anyoneInDomainId !== undefined && (target.anyoneInDomainId === caller.domainId || target.anyoneInDomainId === caller.projectDomainId))
  );
}

export function demandReading(caller: Caller, rule: string, target: Target = {}): void {
  if (!mayRead(caller, target)) throw forbiddenAction(rule);
}

export function readsEverything(caller: Caller): boolean {
  return caller.isAdmin || (caller.system && caller.roles.has('reader'));
}

/** The domain that a list is limited to; undefined: all of them. Refuses who may read no list. */
export function domainToList(caller: Caller, rule: string): string | undefined {
  if (readsEverything(caller)) return undefined;
  if (caller.domainId !== null && caller.roles.has('reader')) return caller.domainId;
  throw forbiddenAction(rule);
}
