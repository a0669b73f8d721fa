/** Other programs, run by an array of arguments (never by a shell), with a deadline and bounded output. */
import { execFile } from 'node:child_process';
import { DriverError } from '../driver.ts';

export type CommandOptions = {
  timeoutMs?: number;
  /** Path of a network namespace to run in. */
  namespace?: string;
  environment?: Record<string, string>;
  input?: string;
};

/** What the program wrote to its standard output. `failed` when it refuses or takes too long, `unavailable` when it is not there. */
export function run(program: string, args: string[], { timeoutMs = 15_000, namespace, environment, input }: CommandOptions = {}): Promise<string> {
  const [file, argv] = namespace ? ['nsenter', [`--net=${namespace}`, '--', program, ...args]] : [program, args];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  // Not our own environment: what it holds is nobody's business, least of all that of a QEMU which a guest has broken out of.
  const env = { LC_ALL: 'C', PATH: searchPath(), HOME: process.env['HOME'] ?? '/root', ...environment };
  const child = execFile(file, argv, { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024, env }, (error, stdout, stderr) => {
    if (!error) return resolve(stdout);
    const said = stderr.trim() || error.message;
    if (error.code === 'ENOENT') reject(new DriverError('unavailable', `${file} is not installed`, { cause: error }));
    else if (error.killed) reject(new DriverError('failed', `${program} ${args[0] ?? ''} took longer than ${timeoutMs} ms`, { cause: error }));
    else reject(new DriverError(/No space left/.test(said) ? 'exhausted' : 'failed', `${program}: ${said}`, { cause: error }));
  });
  // A program that ends before it has read its input answers by its exit code.
  child.stdin?.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') reject(new DriverError('failed', `${program} did not read its input`, { cause: error }));
  });
  child.stdin?.end(input ?? '');
  return promise;
}

/** The administrator's programs are not in everybody's path. */
export function searchPath(): string {
  return `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;
}
