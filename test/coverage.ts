/**
 * Writes docs/coverage.md: every documented operation of every service, what is implemented, and which recorded test run
 * was served it. `node test/coverage.ts [test files]`; without files, those that call the most.
 *
 * The list of operations is beside the project (../shared/openstack/surface); the promises are the contracts; the calls are
 * those that test/recorder.ts heard answered with success. Nothing counts because a route exists.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { contracts } from '../contract/contracts.ts';
import { compareVersions, type Operation, type Service } from '../contract/contract.ts';

type Documented = { method: string; path: string; action: string | undefined; title: string };

const root = fileURLToPath(new URL('../', import.meta.url));
const surface = new URL('../../shared/openstack/surface/', import.meta.url);

/** Their names upstream, and the ones that have actions of their own list. */
const services: Record<string, string> = { keystone: 'identity', nova: 'compute', neutron: 'network', glance: 'image', cinder: 'volumev3', placement: 'placement', swift: 'object-store' };
const others = ['barbican', 'cloudkitty', 'designate', 'heat', 'ironic', 'manila', 'octavia'];
const withActions = new Set(['nova', 'cinder']);

/** Why an operation is not there, where somebody decided that. */
const reasons: readonly [pattern: RegExp, because: string][] = [
  [/OS-FEDERATION|saml2|websso/, 'federation protocols come with the federation of identities'],
  [/OS-SIMPLE-CERT/, 'PKI tokens were removed from keystone in Pike'],
  [/^GET \/policies\/\{\}\/OS-ENDPOINT-POLICY\/policy$|^HEAD \/policies\/\{\}\/OS-ENDPOINT-POLICY\/policy$/, 'the reference is mistaken: keystone has it at /endpoints/{}/OS-ENDPOINT-POLICY/policy, and so have we'],
];

const files = process.argv.slice(2);
const chosen = files.length > 0 ? files : ['test/access.test.ts', ...globSync('test/conformance/*.test.ts', { cwd: root }), ...globSync('services/*/*.test.ts', { cwd: root })].toSorted();
if (!existsSync(surface)) throw new Error(`The list of documented operations is not there: ${fileURLToPath(surface)}`);
const calls = await record(chosen);
writeFileSync(join(root, 'docs/coverage.md'), page(calls));

/** By call, the files whose run was served it. */
async function record(tests: readonly string[]): Promise<Map<string, string[]>> {
  const folder = mkdtempSync(join(tmpdir(), 'recorded-calls-'));
  const found = new Map<string, string[]>();
  try {
    for (const [index, test] of tests.entries()) {
      const file = join(folder, String(index));
      const child = spawn(process.execPath, ['--import', './test/recorder.ts', '--test', '--test-isolation=none', test], { cwd: root, env: { ...process.env, RECORDED_CALLS: file }, stdio: ['ignore', 'ignore', 'inherit'] });
      await once(child, 'exit');
      for (const call of existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []) found.set(call, [...(found.get(call) ?? []), test]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return found;
}

function page(calls: Map<string, string[]>): string {
  const parts = Object.entries(services).map(([upstream, type]) => part(upstream, contracts.find((service) => service.type === type)!, calls));
  const rest = others.map((name) => `| ${name} | ${documentedOf(name).length} | 0 | 0 | |`);
  return [
    '# What of OpenStack is here',
    '',
    '<!-- Written by `node test/coverage.ts`; do not edit. -->',
    '',
    'An operation is *served* when a recorded run of the tests named was answered with success; *promised* when a contract has it and no recorded run called it.',
    '',
    '| service | documented | served | promised | microversions |',
    '|---|---|---|---|---|',
    ...parts.map(({ summary }) => summary),
    ...rest,
    '',
    ...parts.flatMap(({ lines }) => lines),
  ].join('\n');
}

type Row = { documented: Documented; operations: Operation[]; tests: string[] };

function part(upstream: string, service: Service, calls: Map<string, string[]>): { summary: string; lines: string[] } {
  const promised = Object.values(service.nouns).flatMap((noun) => Object.values(noun));
  const rows = documentedOf(upstream).map((documented) => rowOf(documented, service, promised, calls));
  const served = rows.filter(({ tests }) => tests.length > 0);
  const unserved = rows.filter(({ tests, operations }) => tests.length === 0 && (operations.length > 0));
  const { microversions } = service;
  const summary = `| ${upstream} | ${rows.length} | ${served.length} (${((served.length / rows.length) * 100).toFixed(1)} %) | ${unserved.length} | ${microversions ? `${microversions.min} to ${microversions.max}` : ''} |`;
  const lines = [`## ${upstream}`, '', '| operation | what | microversions | served in |', '|---|---|---|---|', ...rows.map((row) => line(row, service)), ''];
  return { summary, lines };
}

function line({ documented: { method, path, action, title }, operations, tests }: Row, service: Service): string {
  const name = `${method} ${path}${action === undefined ? '' : ` ${action}`}`;
  const what = tests.length > 0 ? shown(tests) : operations.length > 0 ? 'promised, not recorded' : `— ${reasons.find(([pattern]) => pattern.test(name))?.[1] ?? 'not here yet'}`;
  return `| \`${name}\` | ${title.replaceAll('|', '/')} | ${versions(operations, service)} | ${what} |`;
}

function shown(tests: readonly string[]): string {
  const names = tests.map((test) => test.replace(/\.test\.ts$/, ''));
  return names.length <= 2 ? names.join(', ') : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`;
}

function versions(operations: readonly Operation[], { microversions }: Service): string {
  if (!microversions || operations.length === 0) return '';
  const since = operations.map((each) => each.since ?? microversions.min).toSorted(compareVersions)[0]!;
  const until = operations.map((each) => each.until ?? microversions.max).toSorted(compareVersions).at(-1)!;
  return `${since}–${until}`;
}

function rowOf(documented: Documented, service: Service, promised: readonly Operation[], calls: Map<string, string[]>): Row {
  const { method, path, action } = documented;
  const discovery = service.discovery.find((page) => method === 'GET' && [page.path.slice(service.root.length), page.path.slice(service.path.length)].map((each) => each.replace(/\/$/, '')).includes(path.replace(/\/$/, '')));
  if (discovery) return { documented, operations: [], tests: calls.get(`GET ${discovery.path} -`) ?? [] };
  const operations = promised.filter((each) => (action !== undefined ? each.action === action : (each.method === method || (method === 'HEAD' && service.answersHead === true && each.method === 'GET')) && bare(each.path) === path));
  const starts = [service.path, ...(service.projectInPath ? [`${service.path}/:project_in_path`] : []), ...(service.olderPath === undefined ? [] : [service.olderPath, `${service.olderPath}/:project_in_path`])];
  const tests = operations.flatMap((each) =>
    starts.flatMap((start) => {
      const route = `${start}${(each.rest === true ? each.path.replace(/\{\w+\}$/, '*') : each.path).replaceAll(/\{(\w+)\}/g, ':$1')}`;
      return [method === 'HEAD' ? 'HEAD' : each.method].flatMap((verb) => calls.get(`${verb} ${route} ${each.action ?? '-'}`) ?? []);
    }),
  );
  return { documented, operations, tests: [...new Set(tests)] };
}

/** Each once: the reference has some twice, for what differs in their bodies. */
function documentedOf(upstream: string): Documented[] {
  const rows = tableOf(`${upstream}.tsv`)
    .map(([method = '', path = '', title = '', action = '']) => ({ method, path: bare(path.split('?')[0]!.replace(/^\/identity(?=\/)/, '').replace(/^\/v\d+(\.\d+)?(?=\/|$)(\/\{(project|tenant)_id\}(?=\/))?/, '') || '/'), action: action === '' ? undefined : action, title }))
    .filter(({ path }) => !withActions.has(upstream) || !path.endsWith('/action'));
  const actions = withActions.has(upstream) ? tableOf(`${upstream}-actions.tsv`).map(([action = '']) => ({ method: 'POST', path: '…/action', action, title: 'Action' })) : [];
  const once = new Map([...rows, ...actions].map((row) => [`${row.method} ${row.path} ${row.action ?? ''}`, row] as const).toReversed());
  return [...once.values()].toReversed();
}

function tableOf(name: string): string[][] {
  return readFileSync(new URL(name, surface), 'utf8').split('\n').slice(1).filter((text) => text.trim() !== '').map((text) => text.split('\t'));
}

function bare(path: string): string {
  return path.replaceAll(/\{[^}]*\}/g, '{}').replace(/(?<=.)\/$/, '');
}
