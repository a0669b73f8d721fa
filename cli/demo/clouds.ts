/** The clouds of the demonstration, started and asked by the same commands that an operator has. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compute } from '../../contract/compute/service.ts';
import { federation } from '../../contract/intercloud/federation.ts';
import { network } from '../../contract/network/service.ts';
import { volume } from '../../contract/volume/service.ts';
import { layoutOf } from '../../supervisor/config.ts';
import { Failure } from '../failure.ts';
import { signIn, until, type Session } from './session.ts';
import { freePort } from '../../supervisor/free-port.ts';

/** A cloud of the demonstration: its folder, its address, and its administrator. */
export type DemoCloud = { stateDir: string; url: string; region: string; admin: Session };

const program = fileURLToPath(new URL('../main.ts', import.meta.url));

/** Clients of whoever runs the demonstration are told of none of its clouds. */
const environment = (folder: string) => ({ ...process.env, XDG_CONFIG_HOME: join(folder, 'config'), NODE_OPTIONS: '' });

/** Runs `intercloud …` on a state folder; resolves to what it printed. */
export async function intercloud(folder: string, stateDir: string, args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [program, ...args, '--state', stateDir], { env: environment(folder), stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => (out += String(data)));
  child.stderr.on('data', (data) => (err += String(data)));
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    // Not `close`: what it started in the background keeps the streams open.
    child.once('exit', (status) => setImmediate(() => resolve(status ?? 1)));
  });
  return { code, out, err };
}

/** The same, for commands that must not fail. */
export async function demand(folder: string, stateDir: string, args: readonly string[]): Promise<string> {
  const { code, out, err } = await intercloud(folder, stateDir, args);
  if (code !== 0) throw new Failure(`intercloud ${args.join(' ')} failed: ${err.trim().split('\n').slice(-4).join('\n')}`, `Its logs are in ${layoutOf(stateDir).log}`);
  return out;
}

export async function startCloud(folder: string, name: string, region: string, { clockAheadSeconds = 0 }: { clockAheadSeconds?: number } = {}): Promise<DemoCloud> {
  const stateDir = join(folder, name);
  mkdirSync(join(folder, 'config'), { recursive: true });
  const port = await freePort();
  await demand(folder, stateDir, ['up', '--driver', 'simulated', '--hosts', '1', '--region', region, '--port', String(port), `--clock-ahead=${clockAheadSeconds}`, '-f', 'json']);
  const url = `http://127.0.0.1:${port}`;
  const password = readFileSync(layoutOf(stateDir).adminPassword, 'utf8').trim();
  return { stateDir, url, region, admin: await signIn(url, { user: 'admin', domain: 'Default', password, scope: { project: { name: 'admin', domain: { name: 'Default' } } } }) };
}

export async function addRegion(folder: string, { stateDir }: DemoCloud, name: string): Promise<void> {
  await demand(folder, stateDir, ['region', 'add', name, '--driver', 'simulated', '--hosts', '1', '--port', String(await freePort()), '-f', 'json']);
}

/** Where each region of the cloud answers. */
export async function regionsOf({ admin }: DemoCloud): Promise<Map<string, string>> {
  const { regions } = (await admin.client(federation).regions.list()).body;
  return new Map(regions.flatMap(({ name, url }) => (url === null ? [] : [[name, url] as const])));
}

/** What doctor finds; nothing, when all is well. What is on its way may be found once, and not a second time. */
export async function examine(folder: string, { stateDir }: DemoCloud): Promise<{ checks: number; findings: string[] }> {
  const look = async () => {
    const { out, err } = await intercloud(folder, stateDir, ['doctor', '-f', 'json']);
    if (out === '') throw new Failure(`doctor said nothing: ${err.trim()}`, `The logs are in ${layoutOf(stateDir).log}`);
    const { checks } = JSON.parse(out) as { checks: { id: string; title: string; findings: { message: string }[] }[] };
    return { checks: checks.length, findings: checks.flatMap(({ id, findings }) => findings.map(({ message }) => `${id}: ${message}`)) };
  };
  const first = await look();
  if (first.findings.length === 0) return first;
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  return look();
}

export type Holdings = { servers: string[]; volumes: string[]; networks: string[] };

/** All that a cloud holds for anybody, in the words of its own administrator; probes, which come and go for ever, apart. */
export async function holdingsOf(admin: Session, base: string, isOurs: (projectId: string) => boolean = () => true): Promise<Holdings> {
  const query = { all_tenants: '1' };
  const [servers, volumes, networks] = await Promise.all([
    admin.client(compute, base).servers.detail({ query }),
    admin.client(volume, base).volumes.detail({ query }),
    admin.client(network, base).networks.list({}),
  ]);
  const lasting = (name: string | null | undefined) => name?.startsWith('intercloud-probe') !== true;
  const named = (list: readonly { id?: string; name?: string | null }[]) => list.filter(({ name }) => lasting(name)).map(({ id = '', name }) => `${name ?? ''} (${id})`);
  return {
    servers: named(servers.body.servers.filter(({ tenant_id: project }) => isOurs(project))),
    volumes: named(volumes.body.volumes.filter((each) => isOurs(each['os-vol-tenant-attr:tenant_id'] ?? ''))),
    networks: named(networks.body.networks.filter((each) => each['router:external'] !== true && isOurs(each.project_id ?? ''))),
  };
}

export function isEmpty({ servers, volumes, networks }: Holdings): boolean {
  return servers.length + volumes.length + networks.length === 0;
}

/** Rejects with what is left when it does not become empty. */
export async function demandEmpty(what: string, look: () => Promise<Holdings>): Promise<void> {
  let left: Holdings = { servers: [], volumes: [], networks: [] };
  await until(`nothing to be left at ${what}`, async () => {
    left = await look();
    return isEmpty(left) ? true : undefined;
  }).catch((cause: unknown) => {
    throw new Error(`${what} still holds ${JSON.stringify(left)}`, { cause });
  });
}

export async function deleteCloud(folder: string, { stateDir }: Pick<DemoCloud, 'stateDir'>): Promise<void> {
  await demand(folder, stateDir, ['reset', '--yes']);
}
