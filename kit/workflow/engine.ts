/**
 * Claims runs that are due and executes them. Any number of processes may do so on one database: a run
 * belongs to one of them at a time, and when that one dies another goes on from the last recorded step.
 */
import type { Clock, Random } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Database, Transaction } from '../postgres/database.ts';
import { asFailure, Execution, type FaultPoint, type Left } from './execution.ts';
import {
  claimRuns,
  ensureSchedule,
  freeOrphans,
  hasDueRuns,
  nextOwner,
  ownersLock,
  recordSchedule,
  renewLeases,
  startChannel,
  stopChannel,
  type ClaimedRun,
} from './store.ts';
import { Abandoned, DeadlinePassed, Superseded, type Schedule, type SomeWorkflow } from './workflow.ts';

export type EngineOptions<Services> = {
  database: Database;
  clock: Clock;
  random: Random;
  workflows: readonly SomeWorkflow<Services>[];
  schedules?: readonly Schedule<Services>[];
  /** Handed to every step as `run.services`. */
  services: Services;
  log?: Log;
  /** How many runs this process executes at once. */
  concurrency?: number;
  /** How often to look for runs that nobody announced, and for owners that died. */
  pollMs?: number;
  faults?: (point: FaultPoint) => void;
};

export type Engine = {
  start(): Promise<void>;
  /** Takes nothing new, and waits for the steps under way; after `graceMs` their signal is aborted. */
  stop(options?: { graceMs?: number }): Promise<void>;
  /** Resolves when nothing is running and nothing is due; what is to be retried later does not count. */
  idle(): Promise<void>;
};

type Active = { fence: number; controller: AbortController; done: Promise<void> };

const renewEveryMs = 10_000;
const leaseMs = 30_000;

export function createEngine<Services>(options: EngineOptions<Services>): Engine {
  const { database, clock, random, services, log, concurrency = 16, pollMs = 250, schedules = [] } = options;
  const workflows = new Map<string, SomeWorkflow>(options.workflows.map((each) => [each.name, each]));
  const recurring = new Map(schedules.map((each) => [`schedule:${each.name}`, each]));
  const names = [...workflows.keys(), ...recurring.keys()];
  const active = new Map<string, Active>();
  const draining = new AbortController();
  const context = { database, clock, random, services, log, faults: options.faults, draining: draining.signal };

  let owner = 0;
  /** There may be more runs due than the last claim had room for. */
  let more = false;
  let nextLook = 0;
  let nextRetry = Infinity;
  let renewedAt = 0;
  let loops: Promise<unknown> = Promise.resolve();
  let stopListening: (() => void)[] = [];
  let turns: Promise<void> = Promise.resolve();
  const bell = createBell(clock, draining.signal);
  const stopBell = createBell(clock, draining.signal);

  async function look(): Promise<void> {
    while (!draining.signal.aborted) {
      try {
        await claim();
        const pause = Math.min(pollMs, nextRetry - clock.now().getTime());
        await bell.rungOrAfter(Math.max(pause, 1));
      } catch (error) {
        log?.warn({ err: error }, 'cannot look for workflows to run');
        await bell.rungOrAfter(1_000);
      }
    }
  }

  /** One at a time: who frees orphans must know of every run that was claimed here. */
  function claim(): Promise<void> {
    turns = turns.then(claimNow, claimNow);
    return turns;
  }

  async function claimNow(): Promise<void> {
    const limit = concurrency - active.size;
    const now = clock.now();
    const sweeps = now.getTime() >= nextLook;
    if (draining.signal.aborted || (limit <= 0 && !sweeps)) return;
    if (now.getTime() >= nextRetry) nextRetry = Infinity;
    const claimed = await database.transaction(system, async (tx) => {
      if (sweeps) await freeOrphans(tx, { owner, now, active: [...active.keys()] });
      return limit > 0 ? claimRuns(tx, { owner, now, workflows: names, limit }) : [];
    });
    if (sweeps) nextLook = now.getTime() + pollMs;
    more = claimed.length === limit;
    for (const run of claimed) begin(run);
  }

  function begin(run: ClaimedRun): void {
    const controller = new AbortController();
    const done = execute(run, controller)
      .then(
        ({ retryAt, successor }) => {
          if (retryAt) nextRetry = Math.min(nextRetry, retryAt.getTime());
          return Boolean(retryAt) || successor === true;
        },
        (error: unknown) => {
          log?.warn({ err: error, run: run.id, workflow: run.workflow }, 'let go of a workflow');
          // It is ours in the database, so the next look frees it.
          nextLook = 0;
          return true;
        },
      )
      .then((news) => {
        active.delete(run.id);
        const room = concurrency - active.size;
        if (news || (more && (room >= concurrency / 4 || active.size === 0))) bell.ring();
      });
    active.set(run.id, { fence: run.fence, controller, done });
  }

  async function execute(run: ClaimedRun, controller: AbortController): Promise<Left> {
    const scheduled = recurring.get(run.workflow);
    if (scheduled) return executeSchedule(scheduled, run, controller.signal);
    const finished = new AbortController();
    watchDeadline(run, controller, finished.signal);
    try {
      return await new Execution(context, workflows.get(run.workflow)!, run, controller.signal).run();
    } finally {
      finished.abort();
    }
  }

  async function executeSchedule(scheduled: Schedule<Services>, run: ClaimedRun, signal: AbortSignal): Promise<Left> {
    const failure = await scheduled.run(services, signal).then(
      () => undefined,
      (error: unknown) => {
        log?.error({ err: error, schedule: scheduled.name }, 'a schedule failed');
        return asFailure(error, scheduled.name);
      },
    );
    const runAt = new Date(clock.now().getTime() + scheduled.everyMs);
    await database.transaction(system, (tx) => recordSchedule(tx, run, { runAt, failure }));
    return { retryAt: runAt };
  }

  function watchDeadline({ deadline }: ClaimedRun, controller: AbortController, finished: AbortSignal): void {
    if (!deadline) return;
    const left = deadline.getTime() - clock.now().getTime();
    if (left > longestTimer) return;
    clock.after(Math.max(left, 0), finished).then(
      () => controller.abort(new DeadlinePassed('The deadline passed')),
      (error: unknown) => {
        if (!finished.aborted) throw error;
      },
    );
  }

  async function renew(): Promise<void> {
    while (!draining.signal.aborted) {
      try {
        await renewNow();
      } catch (error) {
        log?.warn({ err: error }, 'cannot renew the leases of workflows');
        const since = clock.now().getTime() - renewedAt;
        if (since > leaseMs) for (const each of active.values()) each.controller.abort(new Abandoned('The lease ran out'));
      }
      await stopBell.rungOrAfter(renewEveryMs);
    }
  }

  async function renewNow(): Promise<void> {
    const before = [...active];
    const ours = await database.transaction(system, (tx) => renewLeases(tx, owner));
    renewedAt = clock.now().getTime();
    const byId = new Map(ours.map((each) => [each.id, each]));
    for (const [id, { fence, controller }] of before) {
      if (active.get(id)?.fence !== fence) continue;
      const known = byId.get(id);
      if (known?.stop) controller.abort(new Superseded('A successor wants the subject'));
      else if (known && known.fence !== fence) controller.abort(new Abandoned('Another owner has claimed the run'));
    }
  }

  return {
    async start() {
      owner = await database.transaction(system, nextOwner);
      await database.holdLock(ownersLock, owner);
      await database.transaction(system, (tx) => makeSchedules(tx, [...recurring.keys()], clock.now()));
      stopListening = [
        await database.listen(startChannel, () => bell.ring()),
        await database.listen(stopChannel, () => {
          // A waiting run that is asked to stop is due at once.
          bell.ring();
          stopBell.ring();
        }),
      ];
      renewedAt = clock.now().getTime();
      loops = Promise.all([look(), renew()]);
    },
    async stop({ graceMs = 20_000 } = {}) {
      draining.abort();
      for (const each of stopListening) each();
      await Promise.all([loops, turns]);
      const steps = Promise.all([...active.values()].map(({ done }) => done));
      const graceOver = setTimeout(() => {
        for (const { controller } of active.values()) controller.abort(new Abandoned('The process is ending'));
      }, graceMs);
      await steps;
      clearTimeout(graceOver);
      await database.releaseLock(ownersLock, owner);
    },
    async idle() {
      for (;;) {
        await claim();
        await Promise.all([...active.values()].map(({ done }) => done));
        const now = clock.now();
        const due = await database.read(system, (tx) => hasDueRuns(tx, { now, workflows: names }));
        if (!due && active.size === 0) return;
        // Due and not claimed: another engine has it, or has just died.
        if (active.size === 0) nextLook = 0;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    },
  };
}

const system = { kind: 'system', reason: 'workflow engine' } as const;

// setTimeout takes 31 bits of milliseconds; a deadline so far away is looked at when the run is.
const longestTimer = 2 ** 31 - 1;

async function makeSchedules(tx: Transaction, names: string[], now: Date): Promise<void> {
  for (const name of names) await ensureSchedule(tx, { name, now });
}

type Bell = {
  ring(): void;
  /** Resolves at once when it was rung since the last time. */
  rungOrAfter(ms: number): Promise<void>;
};

function createBell(clock: Clock, closing: AbortSignal): Bell {
  let rung = false;
  let wake: (() => void) | undefined;
  const ring = () => {
    rung = true;
    wake?.();
  };
  closing.addEventListener('abort', ring);
  return {
    ring,
    async rungOrAfter(ms) {
      if (!rung) {
        const timer = new AbortController();
        await Promise.race([
          new Promise<void>((resolve) => (wake = resolve)),
          clock.after(ms, timer.signal).catch((error: unknown) => {
            if (!timer.signal.aborted) throw error;
          }),
        ]);
        timer.abort();
      }
      wake = undefined;
      rung = false;
    },
  };
}
