/** Asking the rules: contract/identity/policy.ts, or what the operator put in their place. */
import type { Context as Called, Judged } from '../../kit/http/implement.ts';
import type { Target as RuleTarget } from '../../kit/policy/language.ts';

/** A call whose rules are asked. */
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
