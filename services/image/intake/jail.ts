/**
 * Where bytes of strangers are looked at: a process that can read one open file and say one line.
 *
 * Two walls. Node's permission model takes files (but the program's own folder), network, children, threads
 * and addons from the program; namespaces of the kernel take network, processes and, with limits on
 * processor time, files and memory, what a mistake in Node itself could reach. Where the kernel lends no
 * namespaces the first wall stands alone, and `jailStrength` says so to `doctor`.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Extent } from './archive.ts';
import type { Inspection, InspectionOrder } from './inspection.ts';

export type JailStrength = { namespaces: boolean; limits: boolean };

const program = fileURLToPath(new URL('./inspector.ts', import.meta.url));
const heapMiB = 96;
const processorSeconds = 60;
const memoryBytes = 1.5 * 2 ** 30;
/** However many uploads end at once, the machine has other things to do. */
const mostAtOnce = 2;
const mostOutputBytes = 16 * 1024;
const ordinaryPath = '/usr/sbin:/usr/bin:/sbin:/bin';

const unshare = ['unshare', '--user', '--net', '--ipc', '--uts', '--pid', '--fork', '--kill-child'];
const limits = ['prlimit', `--cpu=${processorSeconds}`, `--data=${memoryBytes}`, '--fsize=0', '--core=0', '--nofile=64'];

let known: Promise<JailStrength> | undefined;

/** What this machine's kernel and tools allow; asked once. */
export function jailStrength(): Promise<JailStrength> {
  return (known ??= (async () => {
    const [namespaces, limited] = await Promise.all([succeeds([...unshare, 'true']), succeeds([...limits, 'true'])]);
    return { namespaces, limits: limited };
  })());
}

/** Why no verdict was reached. The image is not to be used. */
export class InspectionFailed extends Error {
  override name = 'InspectionFailed';
}

/** The verdict about the file at `path`, in bounded time. */
export async function inspectInJail(path: string, order: InspectionOrder, { timeoutMs = 120_000 }: { timeoutMs?: number } = {}): Promise<Inspection> {
  const strength = await jailStrength();
  const command = jailed(program, JSON.stringify(order), strength);
  await turn();
  try {
    const descriptor = openSync(path, 'r');
    const output = await run(command, descriptor, timeoutMs).finally(() => closeSync(descriptor));
    return verdictOf(output);
  } finally {
    (waiting.shift() ?? leave)();
  }
}

/** The command that runs a program behind the walls that there are. */
export function jailed(script: string, argument: string, strength: JailStrength): string[] {
  return [
    ...(strength.limits ? limits : []),
    ...(strength.namespaces ? unshare : []),
    process.execPath,
    '--permission',
    `--allow-fs-read=${dirname(script)}/*`,
    `--max-old-space-size=${heapMiB}`,
    '--disable-proto=delete',
    '--no-warnings',
    script,
    argument,
  ];
}

let inside = 0;
const waiting: (() => void)[] = [];

/** Whoever leaves hands his place to the one who has waited longest. */
async function turn(): Promise<void> {
  if (inside < mostAtOnce) inside++;
  else await new Promise<void>((enter) => waiting.push(enter));
}

function leave(): void {
  inside--;
}

function run([file = '', ...parameters]: string[], descriptor: number | 'ignore', timeoutMs: number): Promise<{ code: number | null; stdout: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, parameters, { cwd: '/', env: { PATH: ordinaryPath }, stdio: ['ignore', 'pipe', 'ignore', descriptor], timeout: timeoutMs, killSignal: 'SIGKILL' });
    let stdout = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.length > mostOutputBytes) child.kill('SIGKILL');
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout }));
  });
}

function verdictOf({ code, stdout }: { code: number | null; stdout: string }): Inspection {
  if (code !== 0) throw new InspectionFailed(`The inspection of the image ended with ${code === null ? 'a signal' : `status ${code}`}`);
  const verdict = parsed(stdout);
  if (!verdict) throw new InspectionFailed('The inspection of the image gave no verdict');
  return verdict;
}

/** What comes out of the jail is believed only in this shape. */
function parsed(text: string): Inspection | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InspectionFailed('The inspection of the image gave no verdict', { cause });
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { verdict, format, virtualSizeBytes, reason, disks } = value as Record<string, unknown>;
  if (verdict === 'unsafe' && typeof reason === 'string') return { verdict, reason: reason.slice(0, 500) };
  if (verdict !== 'safe' || !isCount(virtualSizeBytes)) return undefined;
  if (format === 'raw' || format === 'qcow2' || format === 'foreign') return { verdict, format, virtualSizeBytes };
  if (format === 'archive' && Array.isArray(disks) && disks.every(isExtent)) return { verdict, format, virtualSizeBytes, disks: disks.map(({ offset, bytes }) => ({ offset, bytes })) };
  return undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isExtent(value: unknown): value is Extent {
  return typeof value === 'object' && value !== null && isCount((value as Partial<Extent>).offset) && isCount((value as Partial<Extent>).bytes);
}

async function succeeds(command: string[]): Promise<boolean> {
  try {
    return (await run(command, 'ignore', 5_000)).code === 0;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
