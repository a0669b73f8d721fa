/** Runs roles of the program (`main.ts`) as processes of their own: the command line holds no engine and no database. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { layoutOf, type CloudConfig } from '../supervisor/config.ts';

const code = fileURLToPath(new URL('../', import.meta.url));
const env = (stateDir: string) => {
  const { authorities } = layoutOf(stateDir);
  return { ...process.env, NODE_OPTIONS: '--disable-proto=delete', ...(existsSync(authorities) ? { NODE_EXTRA_CA_CERTS: authorities } : {}) };
};
const command = (role: string, stateDir: string, region?: string): [string, ...string[]] => [process.execPath, '--max-semi-space-size=1', `${code}main.ts`, role, '--state', stateDir, ...(region === undefined ? [] : ['--region', region])];

/** How a role ends that was to hold the lock of the state folder when another process holds it. */
export const lockedExitCode = 97;

/** The lock goes with the role's process, however that ends: one at a time changes what runs in the folder. */
function locked(stateDir: string, role: string, waitSeconds: number): [string, ...string[]] {
  return ['flock', '--exclusive', '--wait', String(waitSeconds), '--conflict-exit-code', String(lockedExitCode), '--no-fork', stateDir, ...command(role, stateDir)];
}

/** In the background, with the lock for as long as it lives. */
export function startSupervisor(config: CloudConfig, output: number): ChildProcess {
  const [program, ...args] = locked(config.stateDir, 'supervisor', 0);
  const supervisor = spawn(program, args, { detached: true, stdio: ['ignore', output, output, 'ipc'], env: env(config.stateDir) });
  supervisor.send({ config });
  return supervisor;
}

/** Waits for the lock: a supervisor that has said goodbye needs another moment to be gone. */
export async function supervisorGone(stateDir: string): Promise<void> {
  const child = spawn('flock', ['--shared', '--wait', '10', stateDir, 'true'], { stdio: 'ignore' });
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
}

/** What the role prints, when it has ended well or not. */
export async function runRole(role: 'doctor' | 'halt' | 'clear', stateDir: string, region?: string): Promise<{ output: string; code: number | null }> {
  const [program, ...args] = role === 'doctor' ? command(role, stateDir, region) : locked(stateDir, role, 10);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: env(stateDir) });
  let output = '';
  child.stdout.on('data', (data) => (output += String(data)));
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { output, code: exitCode };
}
