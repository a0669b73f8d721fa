/** A fresh cloud of ours on simulated hosts, for as long as it is measured. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GateAddress } from '../agent/enrolment.ts';
import { administratorRole } from '../kit/postgres/embedded.ts';
import { layoutOf } from '../supervisor/config.ts';
import { askSupervisor, type Status } from '../supervisor/control.ts';
import { freePort } from '../supervisor/free-port.ts';
import { connectEndpoint, type Endpoint } from './endpoint.ts';
import { family, workedByFamilies, type Worked } from './processors.ts';

export type Server = { host: string; port: number; user: string };

export type OwnCloud = {
  base: string;
  /** From the command to the first answer, in milliseconds; resolves when the whole cloud is up. */
  up(): Promise<number>;
  down(): Promise<void>;
  /** As its administrator, without the usual quota of ten servers, which is no measure of speed. */
  connect(): Promise<Endpoint>;
  /** All of it: supervisor, API, worker, agent, PostgreSQL with all of its processes. */
  worked(): Promise<Worked>;
  /** Of these processes and what they have started. */
  workedBy(names: readonly string[]): Promise<Worked>;
  /** MiB of each process, with each shared page counted once among those who share it. */
  memory(): Promise<Record<string, number>>;
  /** Where further hosts come in, from the first call on; and the certificate of their authority. */
  openGate(): Promise<GateAddress & { authority: string }>;
  /** As who may do everything there. */
  database(): Server;
  remove(): Promise<void>;
};

const program = fileURLToPath(new URL('../intercloud', import.meta.url));

export async function makeOwnCloud({ hosts = 10 }: { hosts?: number } = {}): Promise<OwnCloud> {
  const home = mkdtempSync(join(tmpdir(), 'ic-bench-'));
  // As root the API has an account of its own, which must be able to enter.
  chmodSync(home, 0o755);
  const stateDir = join(home, 'state');
  const layout = layoutOf(stateDir);
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  let isMade = false;

  function intercloud(args: string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = spawn(program, [...args, '--state', stateDir], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: home } });
      let words = '';
      child.stderr.on('data', (data) => (words += String(data)));
      child.once('error', reject);
      child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`intercloud ${args[0]} failed: ${words}`))));
    });
  }

  async function processes(): Promise<{ name: string; pid: number }[]> {
    const status = await askSupervisor<Status>(layout.supervisorSocket, { command: 'status' });
    if (!status) throw new Error('The cloud is down');
    return [{ name: 'supervisor', pid: status.pid }, ...status.processes.flatMap(({ name, pid }) => (pid === null ? [] : [{ name, pid }]))];
  }

  return {
    base,
    async up() {
      const begun = performance.now();
      isMade = true;
      const up = intercloud(['up', '--driver', 'simulated', '--hosts', String(hosts), '--port', String(port)]);
      let answeredMs = 0;
      while (answeredMs === 0) {
        try {
          await fetch(`${base}/identity/v3`);
          answeredMs = performance.now() - begun;
        } catch {
          // Not yet: asked again until `up` itself gives up.
          const over = await Promise.race([up.then(() => true), new Promise<false>((resolve) => setTimeout(() => resolve(false), 5))]);
          if (over) throw new Error('The cloud is up and does not answer');
        }
      }
      await up;
      return answeredMs;
    },
    down: () => intercloud(['down']),
    async connect() {
      const password = readFileSync(layout.adminPassword, 'utf8').trim();
      const endpoint = await connectEndpoint('ours', { authUrl: `${base}/identity`, username: 'admin', password, project: 'admin', userDomain: 'Default', projectDomain: 'Default' });
      const { body } = await endpoint.ask<{ token: { project: { id: string } } }>('identity', 'GET', '/auth/tokens', undefined, { 'x-subject-token': endpoint.token });
      await endpoint.ask('compute', 'PUT', `/os-quota-sets/${body.token.project.id}`, { quota_set: { instances: -1, cores: -1, ram: -1 } });
      await endpoint.ask('network', 'PUT', `/quotas/${body.token.project.id}`, { quota: { port: -1 } });
      return endpoint;
    },
    async worked() {
      const roots = (await processes()).map(({ pid }) => pid);
      return workedByFamilies(() => roots);
    },
    async workedBy(names) {
      const roots = (await processes()).filter(({ name }) => names.includes(name)).map(({ pid }) => pid);
      if (roots.length < names.length) throw new Error(`Not all of ${names.join(', ')} run`);
      return workedByFamilies(() => roots);
    },
    async memory() {
      return Object.fromEntries((await processes()).map(({ name, pid }) => [name, (name === 'postgresql' ? family(pid) : [pid]).reduce((sum, each) => sum + pssMiB(each), 0)]));
    },
    async openGate() {
      const gate = await askSupervisor<GateAddress>(layout.supervisorSocket, { command: 'open gate', gate: { host: '127.0.0.1', port: await freePort() } });
      if (!gate) throw new Error('The cloud is down');
      return { ...gate, authority: readFileSync(layout.hostAuthority, 'utf8') };
    },
    database() {
      const { socketDir, port: number } = JSON.parse(readFileSync(layout.postgresAddress, 'utf8')) as { socketDir: string; port: number };
      return { host: socketDir, port: number, user: administratorRole };
    },
    async remove() {
      // What has a cloud of its own leaves this one unmade.
      if (isMade) await intercloud(['reset', '--yes']);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function pssMiB(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024;
}
