/** Runs one role of the program (`main.ts`) as a process of its own: the command line holds no engine and no database. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const code = fileURLToPath(new URL('../', import.meta.url));

export function startRole(role: string, stateDir: string, options: { detached: boolean; output: 'inherit' | 'pipe' | number }): ChildProcess {
  return spawn(process.execPath, ['--max-semi-space-size=1', `${code}main.ts`, role, '--state', stateDir], {
    detached: options.detached,
    stdio: ['ignore', options.output, options.output === 'pipe' ? 'inherit' : options.output, 'ipc'],
    env: { ...process.env, NODE_OPTIONS: '--disable-proto=delete' },
  });
}

/** What the role prints, when it has ended well or not. */
export async function runRole(role: string, stateDir: string): Promise<{ output: string; code: number | null }> {
  const child = startRole(role, stateDir, { detached: false, output: 'pipe' });
  let output = '';
  child.stdout!.on('data', (data) => (output += String(data)));
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { output, code: exitCode };
}
