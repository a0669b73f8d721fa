/** What processes have used of the processors: what stays comparable on a machine that others use too. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Seconds so far, of all that belong to one cloud. */
export type Worked = () => number;

/** Of these processes and all below them, each once, as they are at each look. */
export function workedByFamilies(roots: () => readonly number[]): Worked {
  return () => sum([...new Set(roots().flatMap(family))]);
}

/**
 * Of a cloud that is not ours: process ids, or folders of files `*.pid`, separated by commas. Each leads a session,
 * as whatever starts services without systemd makes it, and the session is what counts.
 */
export function workedBySessions(given: string): Worked {
  const leaders = new Set(given.split(',').flatMap((each) => (/^\d+$/.test(each) ? [Number(each)] : pidsIn(each))));
  if (leaders.size === 0) throw new Error(`${given} names no process`);
  return () => sum(readdirSync('/proc').filter((name) => /^\d+$/.test(name) && leaders.has(statOf(Number(name))?.session ?? -1)).map(Number));
}

export function family(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(family)];
}

function childrenOf(pid: number): number[] {
  try {
    // A process may have been started by any thread.
    return readdirSync(`/proc/${pid}/task`).flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function pidsIn(path: string): number[] {
  const files = statSync(path).isDirectory() ? readdirSync(path).filter((name) => name.endsWith('.pid')).map((name) => join(path, name)) : [path];
  return files.map((file) => Number(readFileSync(file, 'utf8').trim())).filter((pid) => pid > 0);
}

function sum(pids: readonly number[]): number {
  return pids.reduce((total, pid) => total + (statOf(pid)?.seconds ?? 0), 0);
}

function statOf(pid: number): { session: number; seconds: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number);
    // With what its children used that have ended: servers come and go with their connections.
    return { session: fields[3]!, seconds: (fields[11]! + fields[12]! + fields[13]! + fields[14]!) / 100 };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');
}
