/** A program that runs beside us and outlives us: found again by its pid file, started again by whoever watches it. */
import { readFile, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { DriverError } from '../driver.ts';

export type EngineDaemon = {
  name: string;
  pidFile: string;
  /** Starts it, or finds it running. A pid file or socket left by one that was killed is no obstacle. */
  start(): Promise<void>;
  isAlive(): Promise<boolean>;
  stop(): Promise<void>;
};

/** `launch` returns when the program has put itself into the background and serves. */
export function engineDaemon({ name, pidFile, launch, stopSeconds = 10 }: { name: string; pidFile: string; launch: () => Promise<void>; stopSeconds?: number }): EngineDaemon {
  return {
    name,
    pidFile,
    async start() {
      if ((await pidOf(pidFile)) !== null) return;
      try {
        await launch();
      } catch (cause) {
        throw new DriverError('unavailable', `Cannot start ${name}: ${(cause as Error).message}`, { cause });
      }
    },
    isAlive: async () => (await pidOf(pidFile)) !== null,
    async stop() {
      const pid = await pidOf(pidFile);
      if (pid !== null) {
        process.kill(pid, 'SIGTERM');
        const deadline = performance.now() + stopSeconds * 1000;
        while ((await pidOf(pidFile)) === pid) {
          if (performance.now() > deadline) process.kill(pid, 'SIGKILL');
          await pause(20);
        }
      }
      await rm(pidFile, { force: true });
    },
  };
}

/** The process that the pid file names, if it is still the one that wrote it: its command line names the file. */
async function pidOf(pidFile: string): Promise<number | null> {
  const pid = Number((await textOf(pidFile)).trim());
  if (!Number.isSafeInteger(pid) || pid < 2) return null;
  const [command, status] = await Promise.all([textOf(`/proc/${pid}/cmdline`), textOf(`/proc/${pid}/stat`)]);
  // A dead child that nobody has waited for yet has no command line, and the state Z.
  const state = status.slice(status.lastIndexOf(')') + 2, status.lastIndexOf(')') + 3);
  return command.includes(pidFile) && state !== 'Z' && state !== 'X' ? pid : null;
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}
