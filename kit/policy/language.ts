/**
 * The language in which OpenStack says who may do what, compiled to closures: `role:reader and
 * project_id:%(target.project.id)s or rule:admin_required`. Operators know it from policy.yaml.
 * oslo_policy/_parser.py and _checks.py
 */
import type { Caller } from '../http/caller.ts';

/** What a rule may look at besides the caller: `%(target.user.domain_id)s` is `target.user.domain_id` or `user.domain_id` here. */
export type Target = { readonly [name: string]: unknown };

export type Check = (caller: Caller, target: Target) => boolean;

/** Gives the check of another rule, for `rule:name`. */
export type Lookup = (name: string) => Check;

/** A rule that says nothing that can be judged; the message says where. */
export class RuleError extends Error {
  override name = 'RuleError';
}

export function compile(text: string, lookup: Lookup): Check {
  if (text.trim() === '' || text.trim() === '@') return () => true;
  const tokens = text.match(/\(|\)|(?:'[^']*'|"[^"]*"|%\([^)]*\)s|[^\s()])+/g) ?? [];
  let at = 0;

  function alternatives(): Check {
    const checks = [conjunction()];
    while (taken('or')) checks.push(conjunction());
    return checks.length === 1 ? checks[0]! : (caller, target) => checks.some((check) => check(caller, target));
  }
  function conjunction(): Check {
    const checks = [negation()];
    while (taken('and')) checks.push(negation());
    return checks.length === 1 ? checks[0]! : (caller, target) => checks.every((check) => check(caller, target));
  }
  function negation(): Check {
    if (!taken('not')) return atom();
    const check = negation();
    return (caller, target) => !check(caller, target);
  }
  function atom(): Check {
    const token = tokens[at++];
    if (token === undefined) throw new RuleError(`"${text}" ends too early`);
    if (token !== '(') return check(token, lookup);
    const inner = alternatives();
    if (tokens[at++] !== ')') throw new RuleError(`"${text}" has no closing bracket`);
    return inner;
  }
  function taken(word: string): boolean {
    if (tokens[at]?.toLowerCase() !== word) return false;
    at += 1;
    return true;
  }

  const whole = alternatives();
  if (at < tokens.length) throw new RuleError(`"${text}" goes on with "${tokens[at]}" where it should end`);
  return whole;
}

function check(token: string, lookup: Lookup): Check {
  if (token === '@') return () => true;
  if (token === '!') return () => false;
  const colon = token.indexOf(':');
  if (colon <= 0) throw new RuleError(`"${token}" is no check: they are written kind:match`);
  const [kind, match] = [token.slice(0, colon), token.slice(colon + 1)];
  if (kind === 'rule') return lookup(match);
  if (kind === 'role') {
    const role = expected(match);
    return (caller, target) => {
      const name = role(caller, target);
      return name !== undefined && caller.roles.has(name);
    };
  }
  if (kind === 'http' || kind === 'https') throw new RuleError(`"${token}": asking another server is not supported`);
  const actual = valueOf(kind);
  const wanted = expected(match);
  // Of two who both have no domain, neither is the other's: oslo.policy would say so, and rules of keystone guard against it one by one.
  const ofTarget = match.startsWith('%(') && !isLiteral(kind);
  return (caller, target) => {
    const value = wanted(caller, target);
    return value !== undefined && value === actual(caller) && !(ofTarget && value === 'None');
  };
}

/** The right side: text, with one or more `%(name)s` of the target; undefined when the target has no such thing. */
function expected(match: string): (caller: Caller, target: Target) => string | undefined {
  const whole = /^%\(([^)]+)\)s$/.exec(match)?.[1];
  if (whole !== undefined) {
    const path = pathOf(whole);
    return (_caller, target) => written(at(target, path));
  }
  if (match.includes('%(')) throw new RuleError(`"${match}": only a whole %(name)s can stand here`);
  return () => match;
}

const literals = /^'([^']*)'$|^"([^"]*)"$|^(None|True|False|\d+)$/;

function isLiteral(kind: string): boolean {
  return literals.test(kind);
}

/** The left side: something written out, or what the caller's token says. */
function valueOf(kind: string): (caller: Caller) => string | undefined {
  const literal = literals.exec(kind);
  if (literal) {
    const text = literal[1] ?? literal[2] ?? literal[3]!;
    return () => text;
  }
  const attribute = attributes[kind];
  if (attribute === undefined) throw new RuleError(`"${kind}" is nothing that a token says; known are ${Object.keys(attributes).join(', ')}`);
  return (caller) => written(attribute(caller));
}

/** oslo_context/context.py, to_policy_values, and what keystone adds: keystone/common/rbac_enforcer/enforcer.py. */
const attributes: Record<string, (caller: Caller) => string | boolean | null> = {
  user_id: ({ userId }) => userId,
  user_domain_id: ({ userDomainId }) => userDomainId,
  project_id: ({ projectId }) => projectId,
  tenant_id: ({ projectId }) => projectId,
  tenant: ({ projectId }) => projectId,
  project_domain_id: ({ projectDomainId }) => projectDomainId,
  domain_id: ({ domainId }) => domainId,
  'token.user.id': ({ userId }) => userId,
  'token.domain.id': ({ domainId }) => domainId,
  'token.project.domain.id': ({ projectDomainId }) => projectDomainId,
  system_scope: ({ system }) => (system ? 'all' : null),
  is_admin: ({ isAdmin }) => isAdmin,
  is_admin_project: () => true,
};

function pathOf(name: string): string[] {
  const path = name.split('.');
  return path[0] === 'target' && path.length > 1 ? path.slice(1) : path;
}

function at(target: Target, path: readonly string[]): unknown {
  let value: unknown = target;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Target)[name];
  }
  return value;
}

/** As Python writes it, since rules were written for it: `None:%(target.project.domain_id)s`. */
function written(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'object' && value !== null) return undefined;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return String(value as string | number);
}
