/** Processes that a supervisor left behind which was killed: they end by themselves, and have to be gone before the next are started. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../kit/log.ts';
import { layoutOf } from './config.ts';
import { Unstartable } from './steps.ts';

const roles = new Set(['api', 'worker', 'agent', 'gate', 'part']);
const endWithinMs = 20_000;
const killedWithinMs = 5_000;

/** Waits for them, and makes those end that do not. */
export async function predecessorsGone(stateDir: string, log: Log): Promise<void> {
  const deadline = performance.now() + endWithinMs;
  for (let pids = predecessors(stateDir); pids.length > 0; pids = predecessors(stateDir)) {
    if (performance.now() > deadline + killedWithinMs) throw new Unstartable(`Processes of an earlier start do not end: ${pids.join(', ')}`, `End them: kill -9 ${pids.join(' ')}`);
    if (performance.now() > deadline) {
      log.warn({ pids }, 'processes of an earlier start do not end and are killed');
      for (const pid of pids) kill(pid);
    }
    await pause(50);
  }
}

/** Found by their command line, which names role and folder: a file of numbers could be old. */
function predecessors(stateDir: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => isOurs(argumentsOf(pid), stateDir))
    .map(Number);
}

function isOurs(given: string[], stateDir: string): boolean {
  const [role = '', option, folder] = given.slice(given.findLastIndex((each) => each.endsWith('/main.ts')) + 1);
  if (roles.has(role) && option === '--state' && folder === stateDir) return true;
  // The kernel tells PostgreSQL that its parent is gone; it ends its sessions first.
  return given[0]?.endsWith('/postgres') === true && given[1] === '-D' && given[2] === join(layoutOf(stateDir).postgres, 'cluster');
}

function argumentsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return [];
    throw error;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has ended meanwhile, or is somebody else's, who gave it our name.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
