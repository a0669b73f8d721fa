/** What is being done and how long it took: told to whoever started the cloud, line by line. */

export type StepReport =
  | { kind: 'step'; title: string; state: 'started' }
  | { kind: 'step'; title: string; state: 'doing'; detail: string }
  | { kind: 'step'; title: string; state: 'done'; ms: number; detail?: string }
  | { kind: 'step'; title: string; state: 'failed'; ms: number; detail: string }
  | { kind: 'ready'; ms: number }
  | { kind: 'failed'; message: string; remedy?: string };

export type Report = (report: StepReport) => void;

/** A failure with what the operator can do about it. */
export class Unstartable extends Error {
  override name = 'Unstartable';
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: { cause?: unknown }) {
    super(message, options);
    this.remedy = remedy;
  }
}

/** Does one step, with its report. `work` may return a detail to show. */
export async function doStep<T>(report: Report, title: string, work: (doing: (detail: string) => void) => Promise<T>): Promise<T> {
  const begun = performance.now();
  const ms = () => Math.round(performance.now() - begun);
  report({ kind: 'step', title, state: 'started' });
  try {
    const result = await work((detail) => report({ kind: 'step', title, state: 'doing', detail }));
    report({ kind: 'step', title, state: 'done', ms: ms(), ...(typeof result === 'string' ? { detail: result } : {}) });
    return result;
  } catch (error) {
    report({ kind: 'step', title, state: 'failed', ms: ms(), detail: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}
