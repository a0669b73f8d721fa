/** A process of ours that is started again when it ends, until it is told to stop. */
import { fork, type ChildProcess } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import type { Log } from '../kit/log.ts';

export type ProcessState = { name: string; pid: number | null; state: 'starting' | 'ready' | 'restarting' | 'stopped'; restarts: number; since: string };

export type ManagedProcess = {
  readonly name: string;
  /** Resolves when it says that it is ready; rejects when it ends before, the first time. */
  start(): Promise<void>;
  stop(): Promise<void>;
  state(): ProcessState;
};

export type ProcessOptions = {
  name: string;
  /** The program and its leading arguments: `node` with its flags, wrapped where rights are dropped. */
  command: readonly [string, ...string[]];
  args: readonly string[];
  env?: Record<string, string>;
  logFile: string;
  /** Sent to it once it runs: what must not stand on a command line. */
  secrets?: Record<string, string>;
  log: Log;
  readyWithinMs?: number;
};

const stopWithinMs = 15_000;
const longestDelayMs = 5_000;
const calmMs = 10_000;

export const firstDelayMs = 50;

/** At once for one that had run well, ever later for one that ends again and again. */
export function restartDelayMs(before: number, since: Date): number {
  return Date.now() - since.getTime() > calmMs ? firstDelayMs : Math.min(longestDelayMs, before * 2);
}

export function manageProcess(options: ProcessOptions): ManagedProcess {
  const { name, log, readyWithinMs = 60_000 } = options;
  let child: ChildProcess | undefined;
  let state: ProcessState['state'] = 'stopped';
  let since = new Date();
  let restarts = 0;
  let delayMs = firstDelayMs;
  let stopping = false;
  let timer: NodeJS.Timeout | undefined;

  function enter(next: ProcessState['state']): void {
    state = next;
    since = new Date();
  }

  function launch(): Promise<void> {
    enter(restarts === 0 ? 'starting' : 'restarting');
    const output = openSync(options.logFile, 'a', 0o640);
    const [execPath, ...execArgv] = options.command;
    const started = fork(options.args[0]!, options.args.slice(1), {
      execPath,
      execArgv,
      env: { PATH: process.env['PATH'], ...options.env },
      stdio: ['ignore', output, output, 'ipc'],
      // Signals of the terminal are for the supervisor, which stops its processes in order.
      detached: true,
    });
    closeSync(output);
    child = started;
    return new Promise((ready, failed) => {
      let why: string | undefined;
      // One that hangs before it serves is ended, and so gets its next chance.
      const limit = setTimeout(() => {
        failed(new Error(`${name} was not ready in ${readyWithinMs / 1000} s; see ${options.logFile}`));
        started.kill('SIGKILL');
      }, readyWithinMs);
      started.on('message', (message: { ready?: boolean; kind?: string; message?: string }) => {
        if (message.kind === 'failed') why = message.message;
        if (message.ready !== true) return;
        clearTimeout(limit);
        enter('ready');
        ready();
      });
      const over = (why: Error, code: number | null, signal: NodeJS.Signals | null) => {
        clearTimeout(limit);
        failed(why);
        if (child !== started) return;
        child = undefined;
        if (!stopping) again(code, signal);
      };
      // After an error to start there is no exit; any other error is of a process that still runs.
      started.on('error', (cause) => (started.pid === undefined ? over(new Error(`Cannot start ${name}`, { cause }), null, null) : log.warn({ err: cause, process: name }, 'a process could not be told')));
      if (options.secrets) started.send({ secrets: options.secrets });
      started.once('exit', (code, signal) => over(new Error(why ?? `${name} ended (${signal ?? code}) before it was ready; see ${options.logFile}`), code, signal));
    });
  }

  function again(code: number | null, signal: NodeJS.Signals | null): void {
    delayMs = restartDelayMs(delayMs, since);
    enter('restarting');
    restarts += 1;
    log.warn({ process: name, code, signal, delayMs }, 'a process ended and is started again');
    timer = setTimeout(() => void launch().catch((error: unknown) => log.error({ err: error, process: name }, 'a restart failed')), delayMs);
  }

  return {
    name,
    start: launch,
    async stop() {
      stopping = true;
      clearTimeout(timer);
      const running = child;
      enter('stopped');
      if (!running?.pid) return;
      const ended = new Promise<void>((done) => running.once('exit', () => done()));
      running.kill('SIGTERM');
      const limit = setTimeout(() => running.kill('SIGKILL'), stopWithinMs);
      await ended;
      clearTimeout(limit);
    },
    state: () => ({ name, pid: child?.pid ?? null, state, restarts, since: since.toISOString() }),
  };
}
