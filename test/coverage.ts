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
import { availableParallelism, tmpdir } from 'node:os';
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

/** `alike`: it is answered as upstream answers it, which is no success. `later`: it comes with what it belongs to. `out`: left out. */
type Fate = 'alike' | 'later' | 'out';

/** Why an operation is never served, where somebody decided that. */
const reasons: readonly [pattern: RegExp, because: string, fate: Fate][] = [
  [/OS-FEDERATION|saml2|websso/, 'federation protocols come with the federation of identities', 'later'],
  [/ \/(vpn|bgp-peers|bgp-speakers|bgpvpn|fwaas|sfc|taas)(\/|$)|bgp-drinstances|logging_resources/, 'comes with VPN, BGP, service chains, firewalls and taps', 'later'],
  [/OS-SIMPLE-CERT|OS-PKI/, 'PKI tokens were removed from keystone in Pike', 'alike'],
  [/^(GET|HEAD) \/policies\/\{\}\/OS-ENDPOINT-POLICY\/policy$/, 'the reference is mistaken: keystone has it at /endpoints/{}/OS-ENDPOINT-POLICY/policy, and so have we', 'alike'],
  [/^GET \/snapshot\/\{\}\/metadata\/\{\}$/, 'the reference is mistaken: cinder has it at /snapshots/{}/metadata/{}, and so have we', 'alike'],
  [/^POST …\/action (create|update)$/, 'the reference is mistaken: no such action is in cinder', 'alike'],
  [/ (enable|disable|failover)_replication$| list_replication_targets$|failover_host$/, 'refused as cinder refuses it where nothing replicates', 'alike'],
  [/ os-(initialize_connection|extend_volume_completion)$/, 'refused as cinder refuses it: only compute attaches what is on a storage here', 'alike'],
  [/ os-migrate_volume(_completion)?$/, 'refused as cinder refuses it where there is one storage: what is on it can go nowhere else', 'alike'],
  [/^GET \/group_types\/default$/, 'there is none, as in cinder where its operator has named none', 'alike'],
  [/^(POST|DELETE) \/agents\/\{\}\/dhcp-networks/, 'refused as neutron refuses it for an agent that answers no DHCP: OVN answers here, and there where it switches', 'alike'],
  [/ \/clusters(\/|$)/, 'refused as cinder refuses it where services form no cluster', 'alike'],
  [/ \/os-(agents|cells|certificates|cloudpipe|fixed-ips|floating-ip-dns|floating-ips-bulk|fping|security-group-default-rules|networks|tenant-networks)(\/|$)|\/consoles(\/|$)|os-virtual-interfaces|resetNetwork|RDPConsole/, 'removed from Nova: 410, here as there', 'alike'],
  [/action (associate_host|disassociate|disassociate_host|disassociate_project|reserve|unreserve|add_interface|remove_interface)$/, 'of networks and addresses that Nova kept itself, and was removed with them', 'alike'],
  [/os-hosts\/\{\}|SPICEConsole|changePassword|trigger_crash_dump|action restore$|\/shares(\/|$)/, 'refused as Nova refuses it where its driver cannot, or nothing is set up for it', 'alike'],
  [/os-baremetal-nodes/, 'shows what Ironic has, which is not here', 'out'],
  [/os-assisted-volume-snapshots/, 'for storages that leave snapshots to the machines that use them, and none here does', 'out'],
  [/conntrack_helpers/, 'nothing would enforce it: OVN routes here, and neutron has conntrack helpers only where its L3 agent does', 'out'],
  [/^GET \/endpoints$/, 'where the bytes are is for Swift’s own services to know', 'out'],
];

const files = process.argv.slice(2);
const chosen = files.length > 0 ? files : ['test/access.test.ts', 'test/discovery.test.ts', ...globSync('test/conformance/*.test.ts', { cwd: root }), ...globSync('services/*/*.test.ts', { cwd: root })].toSorted();
if (!existsSync(surface)) throw new Error(`The list of documented operations is not there: ${fileURLToPath(surface)}`);
const calls = await record(chosen);
writeFileSync(join(root, 'docs/coverage.md'), page(calls));

/** By call, the files whose run was served it. */
async function record(tests: readonly string[]): Promise<Map<string, string[]>> {
  const folder = mkdtempSync(join(tmpdir(), 'recorded-calls-'));
  const found = new Map<string, string[]>();
  try {
    const left = [...tests.entries()];
    const work = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [index, test] = next;
        const file = join(folder, String(index));
        const child = spawn(process.execPath, ['--import', './test/recorder.ts', '--test', '--test-isolation=none', test], { cwd: root, env: { ...process.env, RECORDED_CALLS: file }, stdio: ['ignore', 'ignore', 'inherit'] });
        const [code] = await once(child, 'exit');
        process.stderr.write(`… ${test}${code === 0 ? '' : ' (failed)'}, ${left.length} left\n`);
        for (const call of existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []) found.set(call, [...(found.get(call) ?? []), test].toSorted());
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, work));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return found;
}

function page(calls: Map<string, string[]>): string {
  const parts = Object.entries(services).map(([upstream, type]) => part(upstream, contracts.find((service) => service.type === type)!, calls));
  const rest = others.map((name) => `| ${name} | ${documentedOf(name).length} | 0 | | ${documentedOf(name).length} | | |`);
  return [
    '# What of OpenStack is here',
    '',
    '<!-- Written by `node test/coverage.ts`; do not edit. -->',
    '',
    'An operation is *served* when a recorded run of the tests named was answered with success; *alike* when it is refused as upstream refuses it too;',
    '*later* when it belongs to something that is not here yet; *out* when it is left out, for a reason that is named. The percentage is of what is not for later.',
    '',
    '| service | documented | served | alike | later | out | microversions |',
    '|---|---|---|---|---|---|---|',
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
  const of = (fate: Fate | 'served') => rows.filter((row) => fateOf(row) === fate).length;
  const { microversions } = service;
  const here = ((of('served') + of('alike')) / (rows.length - of('later'))) * 100;
  const summary = `| ${upstream} | ${rows.length} | ${of('served')} | ${of('alike')} | ${of('later')} | ${of('out')} (${here.toFixed(1)} % are here) | ${microversions ? `${microversions.min} to ${microversions.max}` : ''} |`;
  const lines = [`## ${upstream}`, '', '| operation | what | microversions | served in |', '|---|---|---|---|', ...rows.map((row) => line(row, service)), ''];
  return { summary, lines };
}

function fateOf(row: Row): Fate | 'served' {
  if (row.tests.length > 0) return 'served';
  return reasonOf(row)?.[2] ?? 'out';
}

function reasonOf({ documented }: Row): (typeof reasons)[number] | undefined {
  return reasons.find(([pattern]) => pattern.test(nameOf(documented)));
}

function nameOf({ method, path, action }: Documented): string {
  return `${method} ${path}${action === undefined ? '' : ` ${action}`}`;
}

function line(row: Row, service: Service): string {
  const { documented, operations, tests } = row;
  const what = tests.length > 0 ? shown(tests) : `— ${reasonOf(row)?.[1] ?? (operations.length > 0 ? 'promised, not recorded' : 'not here yet')}`;
  return `| \`${nameOf(documented)}\` | ${documented.title.replaceAll('|', '/')} | ${versions(operations, service)} | ${what} |`;
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
  const discovery = service.discovery.find((page) => method === 'GET' && [page.path.slice(service.root.length), page.path.slice(service.path.length)].map((each) => each.replace(/\/$/, '')).includes(path === '/{}' ? '' : path.replace(/\/$/, '')));
  if (discovery) return { documented, operations: [], tests: calls.get(`GET ${discovery.path} -`) ?? [] };
  const operations = promised.filter((each) => (action !== undefined ? each.action === action : (each.method === method || (method === 'HEAD' && service.answersHead === true && each.method === 'GET')) && isPath(bare(each.path), path)));
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
    .map(([method = '', path = '', title = '', action = '']) => ({ method, path: bare(path.split('?')[0]!.replace(/^(?!\/)/, '/').replace(/^\/identity(?=\/)/, '').replace(/^\/v\d+(\.\d+)?(?=\/|$)(\/\{(admin_)?(project|tenant)_id\}(?=\/))?/, '') || '/'), action: action === '' ? undefined : action, title }))
    .filter(({ path }) => !withActions.has(upstream) || !path.endsWith('/action'));
  const actions = withActions.has(upstream) ? tableOf(`${upstream}-actions.tsv`).map(([action = '']) => ({ method: 'POST', path: '…/action', action, title: 'Action' })) : [];
  const once = new Map([...rows, ...actions].map((row) => [`${row.method} ${row.path} ${row.action ?? ''}`, row] as const).toReversed());
  return [...once.values()].toReversed();
}

/** What the reference has once for all kinds of things is an operation of each. */
function isPath(own: string, documented: string): boolean {
  return documented.startsWith('/{}/{}/') ? own.replace(/^\/[^/{]+/, '/{}') === documented : own === documented;
}

function tableOf(name: string): string[][] {
  return readFileSync(new URL(name, surface), 'utf8').split('\n').slice(1).filter((text) => text.trim() !== '').map((text) => text.split('\t'));
}

function bare(path: string): string {
  return path.replace(/\.json$/, '').replaceAll(/\{[^}]*\}/g, '{}').replace(/(?<=.)\/$/, '');
}
