/** A real OpenStack on this machine, by the scripts in ../shared/peer. With PEER_HOME set, one that is kept there is used and left running. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const scripts = fileURLToPath(new URL('../../../shared/peer/', import.meta.url));

/** Why there is none to be had here; undefined when there is. */
export const whyNoPeer = existsSync(join(scripts, 'up.sh')) ? undefined : 'there are no scripts to start an OpenStack with in ../shared/peer';

export type Peer = { authUrl: string; adminPassword: string; region: string; stop(): Promise<void> };

export async function startPeer(say: (line: string) => void): Promise<Peer> {
  const kept = process.env['PEER_HOME'];
  const home = kept ?? mkdtempSync(join(tmpdir(), 'peer-openstack-'));
  // One process of everything: it serves one client, and shares the machine.
  const environment = { NEUTRON_BACKEND: 'noop', UW_PROCS: '1', UW_THREADS: '4', NOVA_PROCS: '2', WORKERS: '1', PORT_OFFSET: '22000', ...process.env, PEER_HOME: home };
  const script = (name: string, ...given: string[]) => promisify(execFile)(join(scripts, name), given, { cwd: scripts, env: environment, maxBuffer: 2 ** 26, timeout: 900_000 });
  const begun = performance.now();
  await script('up.sh');
  say(`OpenStack is up after ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  const words = readFileSync(join(home, 'openrc'), 'utf8');
  const setting = (name: string) => new RegExp(`${name}=(\\S+)`).exec(words)?.[1] ?? '';
  return {
    authUrl: setting('OS_AUTH_URL'), adminPassword: setting('OS_PASSWORD'), region: setting('OS_REGION_NAME'),
    async stop() {
      if (kept !== undefined) return;
      await script('down.sh', '--purge');
      await rm(home, { recursive: true, force: true });
    },
  };
}
