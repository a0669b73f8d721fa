/**
 * By which methods a user must log in. What is proved in one request is written down in a receipt, and the rest can
 * follow in the next. keystone/auth/core.py, UserMFARulesValidator; keystone/receipt/handlers.py
 */
import { Fault } from '../../kit/fault.ts';
import { microseconds } from './moments.ts';
import { authMethods, type AuthMethod } from './token-format.ts';
import type { User } from './users.store.ts';

/** keystone.conf, [receipt] expiration */
export const receiptLivesMs = 300_000;

/** Each of them suffices. Methods that nobody can use do not count: a mistake in a rule locks nobody out. */
export function rulesOf({ options }: Pick<User, 'options'>): AuthMethod[][] {
  if (options.multi_factor_auth_enabled === false) return [];
  return (options.multi_factor_auth_rules ?? []).map((rule) => authMethods.filter((method) => rule.includes(method))).filter((rule) => rule.length > 0);
}

export function suffices(user: Pick<User, 'options'>, methods: readonly AuthMethod[]): boolean {
  const rules = rulesOf(user);
  return rules.length === 0 || rules.some((rule) => rule.every((method) => methods.includes(method)));
}

/** Says by which methods to go on, and carries the receipt. */
export function moreIsAsked({ user, domainName, methods, receipt, issuedAt, expiresAt }: { user: User; domainName: string; methods: readonly AuthMethod[]; receipt: string; issuedAt: Date; expiresAt: Date }): Fault {
  return new Fault(401, 'Unauthorized', 'Additional authentication is required.', {
    headers: { 'openstack-auth-receipt': receipt },
    body: {
      receipt: {
        methods,
        user: { id: user.id, name: user.name, domain: { id: user.domainId, name: domainName } },
        expires_at: microseconds(expiresAt),
        issued_at: microseconds(issuedAt),
      },
      required_auth_methods: rulesOf(user).filter((rule) => rule.some((method) => methods.includes(method))),
    },
  });
}
