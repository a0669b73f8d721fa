/** What a workflow is: steps as data, so that tests can fail each one and an operator can see where it is. */
import type { Transaction } from '../postgres/database.ts';

/**
 * A step that is under way. It may be run again at any time, from its beginning: after an error, and after
 * its process died before the step was recorded.
 */
export type Run<Input = unknown, State extends object = object, Services = unknown> = {
  readonly id: string;
  readonly subject: string;
  readonly projectId: string | undefined;
  readonly requestId: string | undefined;
  readonly input: Input;
  /** What earlier steps have recorded. */
  readonly state: Readonly<Partial<State>>;
  /** How often this step was tried before. */
  readonly attempt: number;
  readonly deadline: Date | undefined;
  /** Why the run is undone; undefined while it goes forward. */
  readonly failure: Failure | undefined;
  /** Aborted when a successor wants the subject, when the deadline passes, and when this process is fenced off. */
  readonly signal: AbortSignal;
  readonly services: Services;
  /**
   * Ends the step: `work`'s changes, what it returns for the state, and the record that the step is done
   * are one transaction. A step that does not call it is recorded when it returns, or (`isCheap`) with the next record.
   */
  commit(work: (tx: Transaction) => Promise<Partial<State> | void>): Promise<void>;
  /** A transaction within the step, which it does not end; refused like `commit` when another owner has the run. */
  write(work: (tx: Transaction) => Promise<Partial<State> | void>): Promise<void>;
};

/** The first error of a run, as it was recorded. `kind` is the error's own, when it has one. */
export type Failure = { step: string; name: string; message: string; kind?: string };

export type Retry = { attempts: number; firstMs: number; factor: number; maxMs: number };

export type Step<R> = {
  readonly name: string;
  act(run: R): Promise<void>;
  /** Also called when `act` failed, perhaps before it did anything. */
  undo?: ((run: R) => Promise<void>) | undefined;
  readonly retry: Retry;
  /** Not worth a record of its own: when its process dies before the next one is written, it is done again. */
  readonly isCheap: boolean;
};

export type Outcome = 'done' | 'failed' | 'superseded' | 'stuck';

type Ending<R> = {
  /** In the transaction that records the failure, after all was undone or the undoing got stuck. */
  onFailed?(tx: Transaction, run: R, failure: Failure): Promise<void>;
  /** In the transaction that ends the run, however it ends. */
  onSettled?(tx: Transaction, run: R, outcome: Outcome): Promise<void>;
};

export type Workflow<Input, State extends object, Services> = Ending<Run<Input, State, Services>> & {
  readonly name: string;
  readonly steps: readonly Step<Run<Input, State, Services>>[];
  readonly deadlineSeconds: number;
};

/** Any workflow; `never` accepts every input, because nobody can make one. */
export type SomeWorkflow<Services = never> = Workflow<never, never, Services>;

export type InputOf<W> = W extends Workflow<infer Input, infer _State, infer _Services> ? Input : never;

export function step<R>(
  name: string,
  act: (run: R) => Promise<void>,
  undo?: (run: R) => Promise<void>,
  { retry = usualRetry, isCheap = false }: { retry?: Retry; isCheap?: boolean } = {},
): Step<R> {
  return { name, act, undo, retry, isCheap };
}

export function workflow<Input, State extends object, Services>(
  name: string,
  steps: readonly Step<Run<Input, State, Services>>[],
  options: { deadlineSeconds: number } & Ending<Run<Input, State, Services>>,
): Workflow<Input, State, Services> {
  if (steps.length === 0) throw new Error(`The workflow ${name} has no steps`);
  return { name, steps, ...options };
}

/** Work that comes back: one process at a time runs it, and again `everyMs` after it ended. */
export type Schedule<Services> = {
  readonly name: string;
  readonly everyMs: number;
  run(services: Services, signal: AbortSignal): Promise<void>;
};

export function schedule<Services>(
  name: string,
  { everyMs, run }: Pick<Schedule<Services>, 'everyMs' | 'run'>,
): Schedule<Services> {
  return { name, everyMs, run };
}

export const usualRetry: Retry = { attempts: 5, firstMs: 200, factor: 2, maxMs: 5_000 };

/** For undoing, which must succeed: after these attempts an operator has to look. */
export const undoRetry: Retry = { attempts: 10, firstMs: 200, factor: 2, maxMs: 30_000 };

/** How long to wait after the attempt of this number failed; `chance` is between 0 and 1. */
export function pauseMs({ firstMs, factor, maxMs }: Retry, attempt: number, chance: number): number {
  return Math.round(Math.min(firstMs * factor ** (attempt - 1), maxMs) * (0.75 + chance / 2));
}

/** The run is someone else's now: by a newer claim, or because a successor wants the subject. */
export class Superseded extends Error {
  override name = 'Superseded';
}

export class DeadlinePassed extends Error {
  override name = 'DeadlinePassed';
}

/** Lets go of a run without a word, as a process does that is killed; whoever claims it next goes on from the last record. */
export class Abandoned extends Error {
  override name = 'Abandoned';
}
