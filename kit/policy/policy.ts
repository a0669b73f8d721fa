/** Who may do what, by rules that are data: those that a service comes with, and those that an operator put in their place. */
import { forbidden } from '../fault.ts';
import type { Caller } from '../http/caller.ts';
import { compile, RuleError, type Check, type Target } from './language.ts';

/** By the name that operators know; the text is in the language of oslo.policy. */
export type Rules = { readonly [name: string]: string };

/** What a token is for; one without any scope counts as a project's. oslo_policy/policy.py, Enforcer._enforce_scope */
export type TokenScope = 'system' | 'domain' | 'project';

/** For whose tokens a rule is at all; a rule that is not named is for everybody's. An operator's text leaves this as it is. */
export type ScopeTypes = { readonly [name: string]: readonly TokenScope[] };

export type Policy = {
  /** Refuses with 403 and remembers why. A rule that nobody wrote allows nobody anything. */
  demand(rule: string, caller: Caller, target?: Target): void;
  allows(rule: string, caller: Caller, target?: Target): boolean;
  /** Refuses a token that the rule is not for; the rest of it is left to who asks. */
  demandScope(rule: string, caller: Caller): void;
  /** The operator has put something else in the place of what this rule was. */
  isOverridden(rule: string): boolean;
  /** What is in force. */
  text(rule: string): string | undefined;
  /** All that is in force. */
  readonly rules: Rules;
};

/** Why somebody was refused; the caller is told the rule's name, the operator all of it. */
export class Denial extends Error {
  override name = 'Denial';
  readonly rule: string;
  readonly check: string;
  readonly target: Target;

  constructor(rule: string, check: string, target: Target) {
    super(`${rule} says ${check}`);
    this.rule = rule;
    this.check = check;
    this.target = target;
  }
}

const nothing: Target = {};

/** Throws a `RuleError` that names the rule when one cannot be understood. */
export function createPolicy(defaults: Rules, overrides: Rules = {}, scopeTypes: ScopeTypes = {}): Policy {
  const rules: Rules = { ...defaults, ...overrides };
  const checks = new Map<string, Check>();
  const underway = new Set<string>();

  function checkOf(name: string): Check {
    const known = checks.get(name);
    if (known) return known;
    if (underway.has(name)) throw new RuleError(`${name} asks itself`);
    const text = rules[name];
    // oslo.policy denies what is not there, unless there is a rule named default.
    if (text === undefined) return name === 'default' || rules['default'] === undefined ? () => false : checkOf('default');
    underway.add(name);
    try {
      const check = compile(text, checkOf);
      checks.set(name, check);
      return check;
    } catch (error) {
      throw error instanceof RuleError ? new RuleError(`the rule ${name}: ${error.message}`, { cause: error }) : error;
    } finally {
      underway.delete(name);
    }
  }

  for (const name of Object.keys(rules)) checkOf(name);
  // A rule is another one when a rule that it asks is.
  const changed = changedBy(rules, Object.keys(overrides).filter((name) => overrides[name] !== defaults[name]));
  const inScope = (rule: string, caller: Caller) => scopeTypes[rule]?.includes(scopeOf(caller)) ?? true;
  const allows: Policy['allows'] = (rule, caller, target = nothing) => inScope(rule, caller) && checkOf(rule)(caller, target);
  const demandScope: Policy['demandScope'] = (rule, caller) => {
    if (!inScope(rule, caller)) throw denied(rule, `it is for tokens of ${scopeTypes[rule]!.join(' or ')} scope`);
  };
  return {
    rules,
    allows,
    demandScope,
    demand(rule, caller, target = nothing) {
      demandScope(rule, caller);
      if (!checkOf(rule)(caller, target)) throw denied(rule, rules[rule] ?? '!', target);
    },
    isOverridden: (rule) => changed.has(rule),
    text: (rule) => rules[rule],
  };
}

/** A refusal whose cause the log shows to the operator, and nobody to the caller. */
export function denied(rule: string, check: string, target: Target = nothing) {
  return forbidden(`Policy doesn't allow ${rule} to be performed.`, 'forbidden', new Denial(rule, check, target));
}

function scopeOf({ system, domainId }: Caller): TokenScope {
  if (system) return 'system';
  return domainId === null ? 'project' : 'domain';
}

function changedBy(rules: Rules, names: readonly string[]): Set<string> {
  const changed = new Set(names);
  for (let before = -1; before !== changed.size; ) {
    before = changed.size;
    for (const [name, text] of Object.entries(rules)) if ([...text.matchAll(/\brule:([^\s()]+)/g)].some(([, asked]) => changed.has(asked!))) changed.add(name);
  }
  return changed;
}
