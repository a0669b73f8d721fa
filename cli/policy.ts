/** `intercloud policy` and `intercloud why`: who may do what, and why somebody was refused. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contracts } from '../contract/contracts.ts';
import { layoutOf } from '../supervisor/config.ts';
import { keepOperatorRules, readOperatorRules } from '../supervisor/operator-rules.ts';
import { Failure } from './failure.ts';
import { table } from './table.ts';

type Rule = { rule: string; check: string; from: 'the service' | 'the contract' | 'policy.yaml'; operations: string[] };

export function policy(stateDir: string, wanted: string | undefined, format: string): void {
  const shown = rulesInForce(stateDir).filter(({ rule }) => wanted === undefined || rule === wanted);
  if (shown.length === 0) throw new Failure(`There is no rule ${wanted}`, 'intercloud policy lists them');
  if (format === 'json') process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
  else process.stdout.write(`${table(['Rule', 'Who may', 'From', 'Operations'], shown.map(({ rule, check, from, operations }) => [rule, check === '' ? '(everybody)' : check, from, operations.join('\n')]))}\n`);
}

type Denial = { time: number; requestId: string; rule: string; check: string; target: object; userId: string; projectId: string | null; domainId: string | null; system: boolean; roles: string[] };

export function why(stateDir: string, requestId: string, format: string): void {
  const denial = findDenial(stateDir, requestId);
  if (!denial) throw new Failure(`No rule refused ${requestId}, as far as the logs go back`, `Look into ${layoutOf(stateDir).log}`);
  if (format === 'json') process.stdout.write(`${JSON.stringify(denial, null, 2)}\n`);
  else {
    const { time, rule, check, target, userId, projectId, domainId, system, roles } = denial;
    const place = system ? 'the whole system' : domainId !== null ? `domain ${domainId}` : projectId !== null ? `project ${projectId}` : 'nothing';
    const rows = [
      ['At', new Date(time).toISOString()],
      ['Rule', rule],
      ['It asks for', check],
      ['The caller was', `user ${userId}, with a token for ${place}`],
      ['with the roles', roles.join(', ') || 'none'],
      ['about', JSON.stringify(target)],
    ];
    process.stdout.write(`${table(['', requestId], rows)}\n`);
  }
}

const most = 50;

/** The newest last. */
export function refusedLately(stateDir: string, format: string): void {
  const denials = [...denialsIn(stateDir)].toSorted((one, other) => new Date(one.time).getTime() - new Date(other.time).getTime()).slice(-most);
  if (format === 'json') process.stdout.write(`${JSON.stringify(denials, null, 2)}\n`);
  else process.stdout.write(`${table(['At', 'Request', 'Rule', 'User', 'Project', 'Roles'], denials.map(({ time, requestId, rule, userId, projectId, roles }) => [new Date(time).toISOString(), requestId, rule, userId, projectId ?? '', roles.join(', ')]))}\n`);
}

/** For `up --policy`: from now on these hold. */
export function keepPolicy(stateDir: string, file: string): void {
  try {
    keepOperatorRules(stateDir, file, Object.assign({}, ...contracts.map((service) => service.policy)) as Record<string, string>);
  } catch (error) {
    throw new Failure(error instanceof Error ? error.message : String(error), 'Rules are written as in docs/rules.md');
  }
}

function rulesInForce(stateDir: string): Rule[] {
  const own = readOperatorRules(stateDir);
  const rules = new Map<string, Rule>();
  const note = (rule: string, check: string, from: Rule['from']) => rules.set(rule, { rule, check, from, operations: rules.get(rule)?.operations ?? [] });
  for (const service of contracts) {
    for (const [rule, check] of Object.entries(service.policy ?? {})) note(rule, check, 'the service');
    for (const operation of Object.values(service.nouns).flatMap((noun) => Object.values(noun))) {
      const { rule, who } = operation.access;
      if (!rules.has(rule)) note(rule, who === 'anyone' ? '' : who === 'user' ? 'whose it is' : `role:${who}`, 'the contract');
      rules.get(rule)!.operations.push(`${operation.method} ${service.path}${operation.path}${operation.action === undefined ? '' : ` (${operation.action})`}`);
    }
  }
  for (const [rule, check] of Object.entries(own)) note(rule, check, 'policy.yaml');
  return [...rules.values()].toSorted((one, other) => one.rule.localeCompare(other.rule));
}

function findDenial(stateDir: string, requestId: string): Denial | undefined {
  for (const denial of denialsIn(stateDir)) if (denial.requestId === requestId) return denial;
  return undefined;
}

/** Only the API judges callers, and it writes a line of JSON for each refusal. */
function* denialsIn(stateDir: string): Generator<Denial> {
  const { log, regions } = layoutOf(stateDir);
  const folders = [log, ...(existsSync(regions) ? readdirSync(regions).map((name) => layoutOf(join(regions, name)).log) : [])];
  for (const path of folders.filter(existsSync).flatMap((folder) => readdirSync(folder).filter((name) => /api.*\.log$/.test(name)).map((name) => join(folder, name))))
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      if (!line.includes('"denied"')) continue;
      const { msg, ...denial } = JSON.parse(line) as Denial & { msg?: string };
      if (msg === 'denied') yield denial;
    }
}
