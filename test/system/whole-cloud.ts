/** A whole cloud for a test: started, asked and deleted by the same commands that a user has. */
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../supervisor/free-port.ts';

export type Ran = { code: number | null; out: string; err: string };

export type WholeCloud = {
  /** The command, for what others try on this cloud. */
  program: string;
  stateDir: string;
  url: string;
  /** `intercloud …` on this cloud, or on that of another state folder. */
  intercloud(args: string[], options?: RunOptions): Promise<Ran>;
  /** `openstack …` as admin, or with other settings; what it printed. Throws with its words when it fails. */
  openstack(args: string[], options?: { env?: Record<string, string>; input?: string }): Promise<string>;
  /** The same with `-f json`, parsed. */
  ask<T = Record<string, unknown>>(args: string[], options?: { env?: Record<string, string> }): Promise<T>;
  /** The last lines of every log, for a failure's message. */
  logs(lines?: number): string;
  reset(): Promise<void>;
};

type RunOptions = { env?: Record<string, string>; input?: string; timeoutMs?: number; state?: string };

export const program = fileURLToPath(new URL('../../intercloud', import.meta.url));
/** Nobody's number, for what an ordinary user does when the tests run as root. */
export const ordinaryUser = { uid: 61_990, gid: 61_990 };

export async function startWholeCloud(options: { driver: 'simulated' | 'libvirt-ovn'; asOrdinaryUser?: boolean; args?: string[] }): Promise<WholeCloud> {
  const home = mkdtempSync(join(tmpdir(), 'ic-'));
  const user = options.asOrdinaryUser === true && process.getuid?.() === 0 ? ordinaryUser : undefined;
  // As root the API has an account of its own, which must be able to enter.
  chmodSync(home, 0o755);
  if (user) chownSync(home, user.uid, user.gid);
  const stateDir = join(home, 'state');
  const port = await freePort();
  const environment = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, HOME: home, LANG: 'C.UTF-8', NODE_COMPILE_CACHE: join(home, 'code') };
  const prefix = user ? ['setpriv', '--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups', '--'] : [];
  const exec = (command: string[], { env, input, timeoutMs = 180_000 }: RunOptions = {}) => run([...prefix, ...command], { env: { ...environment, ...env }, timeoutMs, ...(input === undefined ? {} : { input }) });
  const intercloud = (args: string[], { state = stateDir, ...more }: RunOptions = {}) => exec([program, ...args, '--state', state], more);

  const up = await intercloud(['up', '--driver', options.driver, '--port', String(port), ...(options.args ?? [])], { timeoutMs: 900_000 });
  const logs = (lines = 30) =>
    ['supervisor', 'api', 'worker', 'agent']
      .map((name) => {
        try {
          return `--- ${name}\n${readFileSync(join(stateDir, 'log', `${name}.log`), 'utf8').split('\n').slice(-lines).join('\n')}`;
        } catch {
          return `--- ${name}: no log`;
        }
      })
      .join('\n');
  if (up.code !== 0) {
    const told = `${up.out}\n${up.err}\n${logs()}`;
    await intercloud(['reset', '--yes']);
    rmSync(home, { recursive: true, force: true });
    throw new Error(`The cloud did not come up:\n${told}`);
  }
  const clients = { OS_CLOUD: 'intercloud', PYTHONWARNINGS: 'ignore' };
  const openstack = async (args: string[], { env, input }: { env?: Record<string, string>; input?: string } = {}) => {
    const ran = await exec(['openstack', ...args], { env: { ...clients, ...env }, ...(input === undefined ? {} : { input }) });
    if (ran.code !== 0) throw new Error(`openstack ${args.join(' ')}\n${ran.out}${ran.err}\n${logs(8)}`);
    return ran.out;
  };
  return {
    program,
    stateDir,
    url: `http://127.0.0.1:${port}`,
    intercloud,
    openstack,
    ask: async <T>(args: string[], more?: { env?: Record<string, string> }) => JSON.parse(await openstack([...args, '-f', 'json'], more)) as T,
    logs,
    async reset() {
      const { code, out, err } = await intercloud(['reset', '--yes']);
      if (code !== 0) throw new Error(`reset failed: ${out}${err}\n${logs()}`);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

export function run(command: string[], { env, input, timeoutMs }: { env: Record<string, string>; input?: string; timeoutMs: number }): Promise<Ran> {
  const [file = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'pipe'], cwd: '/' });
    let out = '';
    let err = '';
    const limit = setTimeout(() => {
      err += `\n(stopped after ${timeoutMs} ms)`;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdout.on('data', (data) => (out += String(data)));
    child.stderr.on('data', (data) => (err += String(data)));
    child.once('error', reject);
    // Not `close`: a daemon that was started keeps the streams open.
    child.once('exit', (code) => {
      clearTimeout(limit);
      setImmediate(() => resolve({ code, out, err }));
    });
    child.stdin.on('error', () => child.stdin.destroy());
    child.stdin.end(input ?? '');
  });
}
