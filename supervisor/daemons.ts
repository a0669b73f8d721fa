/** Engines that run on their own (libvirtd, ovsdb-server, …): looked after, started again when one is gone. */
import type { Log } from '../kit/log.ts';

export type Daemon = {
  readonly name: string;
  start(): Promise<void>;
  isAlive(): Promise<boolean>;
  pid(): Promise<number | undefined>;
};

export type DaemonState = { name: string; pid: number | null; alive: boolean; restarts: number };

export type DaemonWatch = { states(): Promise<DaemonState[]>; stop(): Promise<void> };

/** Looks at every one, twice a second; in their order, since later ones connect to earlier ones. */
export function watchDaemons(daemons: readonly Daemon[], log: Log, everyMs = 500): DaemonWatch {
  const restarts = new Map<string, number>();
  let stopped = false;
  let wake: () => void = () => {};
  const loop = (async () => {
    while (!stopped) {
      for (const daemon of daemons) {
        if (stopped || (await daemon.isAlive())) continue;
        restarts.set(daemon.name, (restarts.get(daemon.name) ?? 0) + 1);
        log.warn({ daemon: daemon.name }, 'an engine is gone and is started again');
        await daemon.start().catch((error: unknown) => log.error({ err: error, daemon: daemon.name }, 'an engine did not start'));
      }
      await new Promise<void>((done) => {
        const timer = setTimeout(done, everyMs);
        wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
  })();
  return {
    states: () =>
      Promise.all(
        daemons.map(async (daemon) => ({
          name: daemon.name,
          pid: (await daemon.pid()) ?? null,
          alive: await daemon.isAlive(),
          restarts: restarts.get(daemon.name) ?? 0,
        })),
      ),
    async stop() {
      stopped = true;
      wake();
      await loop;
    },
  };
}
