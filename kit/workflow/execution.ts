/** One claimed run, from its recorded step to its end, or until it has to wait. */
import type { Clock, Random } from '../clock.ts';
import type { Log } from '../log.ts';
import { DatabaseUnavailable, UnknownOutcome, type Database, type Transaction } from '../postgres/database.ts';
import { recordOutcome, recordRetry, recordState, recordStep, recordUndo, type ClaimedRun } from './store.ts';
import {
  Abandoned,
  DeadlinePassed,
  pauseMs,
  Superseded,
  undoRetry,
  type Failure,
  type Outcome,
  type Run,
  type SomeWorkflow,
} from './workflow.ts';

/** Where a test may make things fail: by throwing an error, or `Abandoned` for a crash. */
export type FaultPoint = {
  workflow: string;
  step: string;
  phase: 'before' | 'after-effect' | 'before-record' | 'after-record' | 'undo';
};

export type ExecutionContext = {
  database: Database;
  clock: Clock;
  random: Random;
  services: unknown;
  log: Log | undefined;
  faults: ((point: FaultPoint) => void) | undefined;
  /** Aborted when this process wants to let go at the next step. */
  draining: AbortSignal;
};

/** What the engine has to know afterwards. */
export type Left = { retryAt?: Date; successor?: boolean };

type Patch = Record<string, unknown>;
type Work = (tx: Transaction) => Promise<object | void>;
type Recorded = { stop: boolean; left?: Left; step?: number };

/**
 * So often in a row may its process end in one step before the step is taken for the reason. Nothing tells a step that
 * kills its process from one whose process is killed, even if it was the only one there: on a quiet cloud it is. So the
 * number alone decides, and is larger than an operator's patience. What a process dies of, all that ran beside it counts
 * too, but begins anew with its next step, or when it fails by itself.
 */
const mostDeaths = 20;

export class Execution {
  readonly #context: ExecutionContext;
  readonly #workflow: SomeWorkflow;
  readonly #claimed: ClaimedRun;
  readonly #signal: AbortSignal;
  #phase: 'forward' | 'undo';
  #step: number;
  #attempt: number;
  #deaths: number;
  #state: Patch;
  #failure: Failure | undefined;
  #stop: boolean;
  /** The step that is under way has been recorded. */
  #recorded = false;
  /** Why nothing more may be written: the run is someone else's, or what was written is not known. */
  #lost: unknown;
  #left: Left | undefined;

  constructor(context: ExecutionContext, workflow: SomeWorkflow, claimed: ClaimedRun, signal: AbortSignal) {
    this.#context = context;
    this.#workflow = workflow;
    this.#claimed = claimed;
    this.#signal = signal;
    this.#phase = claimed.phase;
    this.#step = claimed.step;
    this.#attempt = claimed.attempt;
    this.#deaths = claimed.deaths;
    this.#state = claimed.state;
    this.#failure = claimed.failure ?? undefined;
    this.#stop = claimed.stop;
  }

  /** Throws `Abandoned` when it had to let go without a record. */
  async run(): Promise<Left> {
    while (!this.#left) {
      try {
        await this.#next();
      } catch (error) {
        if (error instanceof Abandoned || isLoss(error)) throw new Abandoned('Let go of the run', { cause: error });
        // Not a step's failure, but that of a hook, or of a record: nothing can be undone for it.
        const { log } = this.#context;
        log?.error({ err: error, run: this.#claimed.id, workflow: this.#workflow.name }, 'a workflow cannot go on');
        await this.#retry(pauseMs(undoRetry, this.#attempt + 1, this.#chance()), error);
      }
    }
    return this.#left;
  }

  async #next(): Promise<void> {
    if (this.#stop) return this.#settle('superseded');
    if (this.#context.draining.aborted) return this.#release(this.#attempt, this.#now());
    if (this.#phase === 'forward') return this.#goForward();
    return this.#goBack();
  }

  async #goForward(): Promise<void> {
    const { retry, name, act, isCheap } = this.#current();
    if (this.#isLate()) return this.#beginUndo(new DeadlinePassed('The deadline passed'));
    if (this.#deaths >= mostDeaths) return this.#beginUndo(new Error('Its process ended in this step again and again'));
    this.#recorded = false;
    try {
      this.#fault('before');
      await act(this.#view() as never);
      if (this.#recorded) return;
      if (isCheap && this.#step + 1 < this.#workflow.steps.length) this.#passOn();
      else await this.#commit(async () => {});
    } catch (error) {
      if (error instanceof Abandoned || this.#lost) throw new Abandoned(`Let go in "${name}"`, { cause: this.#lost ?? error });
      if (this.#recorded) {
        this.#context.log?.warn({ err: error, run: this.#claimed.id, step: name }, 'a step failed after it was recorded');
        return;
      }
      if (this.#signal.reason instanceof Superseded) return void (this.#stop = true);
      if (this.#signal.reason instanceof Abandoned) throw this.#signal.reason;
      if (this.#isLate()) return this.#beginUndo(new DeadlinePassed('The deadline passed', { cause: error }));
      if (isFinal(error) || this.#attempt + 1 >= retry.attempts) return this.#beginUndo(error);
      await this.#retry(pauseMs(retry, this.#attempt + 1, this.#chance()), error);
    }
  }

  async #goBack(): Promise<void> {
    const { name, undo } = this.#current();
    if (this.#attempt >= undoRetry.attempts || this.#deaths >= mostDeaths) return this.#settle('stuck');
    this.#recorded = false;
    try {
      this.#fault('undo');
      await undo?.(this.#view() as never);
      if (!this.#recorded) await this.#commit(async () => {});
    } catch (error) {
      if (error instanceof Abandoned || this.#lost) throw new Abandoned(`Let go of undoing "${name}"`, { cause: this.#lost ?? error });
      if (this.#recorded) return;
      if (this.#signal.reason instanceof Superseded) return void (this.#stop = true);
      if (this.#signal.reason instanceof Abandoned) throw this.#signal.reason;
      this.#context.log?.warn({ err: error, run: this.#claimed.id, step: name }, 'undoing a step failed');
      await this.#retry(pauseMs(undoRetry, this.#attempt + 1, this.#chance()), error);
    }
  }

  /** What steps and hooks see. */
  #view(): Run<unknown, Patch> {
    const { id, subject, project_id, request_id, input, deadline } = this.#claimed;
    return {
      id,
      subject,
      projectId: project_id ?? undefined,
      requestId: request_id ?? undefined,
      input,
      state: this.#state,
      attempt: this.#attempt,
      deadline: deadline ?? undefined,
      failure: this.#phase === 'undo' ? this.#failure : undefined,
      signal: this.#signal,
      services: this.#context.services,
      commit: (work) => this.#commit(work),
      write: (work) => this.#write(work),
    };
  }

  /** Every record from here on says the next step. */
  #passOn(): void {
    const { name } = this.#current();
    for (const phase of ['after-effect', 'before-record'] as const) this.#fault(phase);
    // No record has told us.
    this.#stop ||= this.#signal.reason instanceof Superseded;
    this.#step++;
    this.#attempt = 0;
    this.#deaths = 0;
    this.#fault('after-record', name);
  }

  async #commit(work: Work): Promise<void> {
    if (this.#recorded) throw new Error(`The step "${this.#current().name}" was recorded before`);
    if (this.#phase === 'forward') this.#fault('after-effect');
    const { recorded, patch } = await this.#transaction(async (tx) => {
      const patch = asState(await work(tx));
      const recorded = this.#phase === 'forward' ? await this.#recordForward(tx, patch) : await this.#recordBack(tx, patch);
      if (this.#phase === 'forward') this.#fault('before-record');
      return { recorded, patch };
    });
    const { name } = this.#current();
    this.#recorded = true;
    this.#attempt = 0;
    this.#deaths = 0;
    this.#state = { ...this.#state, ...patch };
    this.#stop ||= recorded.stop;
    this.#left = recorded.left;
    this.#step = recorded.step ?? this.#step;
    if (this.#phase === 'forward') this.#fault('after-record', name);
  }

  async #write(work: Work): Promise<void> {
    const patch = await this.#transaction(async (tx) => {
      const state = asState(await work(tx));
      await recordState(tx, this.#claimed, state);
      return state;
    });
    Object.assign(this.#state, patch);
  }

  async #recordForward(tx: Transaction, state: Patch): Promise<Recorded> {
    const step = this.#step + 1;
    if (step < this.#workflow.steps.length) return { ...(await recordStep(tx, this.#claimed, { step, state })), step };
    return { stop: false, left: await this.#end(tx, 'done', state) };
  }

  async #recordBack(tx: Transaction, state: Patch): Promise<Recorded> {
    const step = this.#lastUndo(this.#step - 1);
    if (step >= 0) return { ...(await recordStep(tx, this.#claimed, { step, state })), step };
    return { stop: false, left: await this.#end(tx, 'failed', state) };
  }

  /** A run holds its row last, as a service's transaction does that starts or supersedes one. */
  async #end(tx: Transaction, outcome: Outcome, state?: Patch): Promise<Left> {
    const { onFailed, onSettled } = this.#workflow;
    const view = { ...this.#view(), state: { ...this.#state, ...state } } as never;
    const failed = outcome === 'failed' || outcome === 'stuck';
    if (failed && this.#failure) await onFailed?.(tx, view, this.#failure);
    await onSettled?.(tx, view, outcome);
    return recordOutcome(tx, this.#claimed, { outcome, step: outcome === 'done' ? this.#step + 1 : this.#step, now: this.#now(), state, failure: outcome === 'done' ? undefined : this.#failure });
  }

  async #settle(outcome: Outcome): Promise<void> {
    this.#left = await this.#transaction((tx) => this.#end(tx, outcome));
  }

  async #beginUndo(error: unknown): Promise<void> {
    this.#failure = asFailure(error, this.#current().name);
    this.#context.log?.warn(
      { err: error, run: this.#claimed.id, workflow: this.#workflow.name, step: this.#failure.step },
      'a workflow failed and is undone',
    );
    const step = this.#lastUndo(this.#furthest());
    if (step < 0) return this.#settle('failed');
    const failure = this.#failure;
    const { stop } = await this.#transaction((tx) => recordUndo(tx, this.#claimed, { step, failure }));
    this.#phase = 'undo';
    this.#step = step;
    this.#attempt = 0;
    this.#deaths = 0;
    this.#stop ||= stop;
  }

  async #retry(afterMs: number, error: unknown): Promise<void> {
    await this.#release(this.#attempt + 1, new Date(this.#now().getTime() + afterMs), asFailure(error, this.#current().name));
  }

  async #release(attempt: number, runAt: Date, failure?: Failure): Promise<void> {
    await this.#transaction((tx) => recordRetry(tx, this.#claimed, { step: this.#step, attempt, runAt, failure }));
    this.#left = { retryAt: runAt };
  }

  async #transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    try {
      return await this.#context.database.transaction(
        { kind: 'system', reason: `workflow ${this.#workflow.name}` },
        work,
      );
    } catch (error) {
      if (isLoss(error)) this.#lost = error;
      throw error;
    }
  }

  #current() {
    const current = this.#workflow.steps[this.#step];
    if (!current) throw new Error(`The workflow ${this.#workflow.name} has no step ${this.#step}`);
    return current;
  }

  /** The last step that may have been begun since the last record: behind what is cheap, by a process that died of it. */
  #furthest(): number {
    const index = this.#workflow.steps.findIndex(({ isCheap }, each) => !isCheap && each >= this.#step);
    return index < 0 ? this.#workflow.steps.length - 1 : index;
  }

  #lastUndo(from: number): number {
    return this.#workflow.steps.findLastIndex(({ undo }, index) => undo && index <= from);
  }

  #fault(phase: FaultPoint['phase'], step = this.#current().name): void {
    this.#context.faults?.({ workflow: this.#workflow.name, step, phase });
  }

  #isLate(): boolean {
    return this.#claimed.deadline !== null && this.#claimed.deadline <= this.#now();
  }

  #now(): Date {
    return this.#context.clock.now();
  }

  #chance(): number {
    return this.#context.random.bytes(1)[0]! / 256;
  }
}

/** As it will be when read back, so that a step sees the same whether or not its process was changed. */
function asState(patch: object | void): Patch {
  return patch ? JSON.parse(JSON.stringify(patch)) : {};
}

export function asFailure(error: unknown, step: string): Failure {
  if (!(error instanceof Error)) return { step, name: 'Error', message: String(error) };
  const { name, message } = error;
  const kind = 'kind' in error && typeof error.kind === 'string' ? { kind: error.kind } : {};
  return { step, name, message, ...kind };
}

function isFinal(error: unknown): boolean {
  return error instanceof Error && 'retryable' in error && error.retryable === false;
}

function isLoss(error: unknown): boolean {
  return error instanceof Superseded || error instanceof UnknownOutcome || error instanceof DatabaseUnavailable;
}
