/** The region's own meter: its events become records of use, each once, numbered without a gap. */
import type { Clock } from '../../kit/clock.ts';
import { areEventsDue, consumeBatches } from '../../kit/events/batches.ts';
import type { Log } from '../../kit/log.ts';
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import { hourMs, lasting, observed, type NewRecord, type Running } from './intervals.ts';
import { appendRecords, consumerName, deleteRunning, findRunning, findRunningBefore, insertRunning, lockMeter, readProgress, setThrough, toldColumns, updateRunning } from './meters.store.ts';
import { createObserver, type MeteredResource, type Observation, type Told } from './observations.ts';
import { countSpending } from './spending.ts';

type Parts = { database: Database; clock: Pick<Clock, 'now'>; log?: Log };

/** Turns all events that are due into records. Resolves to how many events they were. */
export function meterEvents({ database, clock, log }: Parts, signal?: AbortSignal): Promise<number> {
  return consumeBatches<Told>({ database, clock, name: consumerName, columns: toldColumns, handle: (tx, events) => recordEvents(tx, events, rememberedOf(database)), ...(log ? { log } : {}), ...(signal ? { signal } : {}) });
}

/**
 * What lasts, as this process left it: most events are about what has just had another. It is worth nothing as soon as anybody else
 * has changed what lasts, or the transaction that it comes from was undone: `by` is then not the last that changed it.
 */
type Remembered = { by: string | null; running: Map<string, Running> };

const remembered = new WeakMap<Database, Remembered>();
const mostRemembered = 50_000;

function rememberedOf(database: Database): Remembered {
  const memory = remembered.get(database) ?? { by: null, running: new Map<string, Running>() };
  remembered.set(database, memory);
  return memory;
}

/** In the transaction in which the events are taken: that is what makes it exactly once. */
async function recordEvents(tx: Transaction, events: readonly Told[], memory: Remembered): Promise<void> {
  const observe = createObserver();
  const observations = events.map(observe).filter((observation) => observation !== undefined);
  if (observations.length === 0) return;
  const { changedBy, own } = await lockMeter(tx);
  if (memory.by !== changedBy) memory.running.clear();
  const keys = observations.map(keyOf);
  const known = new Map<string, Running>();
  for (const running of await findRunning(tx, onceEach(observations, keys, memory.running))) known.set(keyOf(running), running);
  const touched = new Map<string, Running | undefined>();
  const records: NewRecord[] = [];
  observations.forEach((observation, index) => {
    const key = keys[index]!;
    const before = memory.running.get(key);
    if (before) known.set(key, before);
    const step = observed(touched.has(key) ? touched.get(key) : known.get(key), observation);
    touched.set(key, step.running);
    for (const record of step.records) records.push(record);
  });
  await save(tx, known, touched, records);
  memory.by = records.length > 0 ? own : changedBy;
  if (memory.running.size + touched.size > mostRemembered) memory.running.clear();
  for (const [key, running] of touched) if (running) memory.running.set(key, running);
  else memory.running.delete(key);
}

/** So long after an hour's end its last events have come; what comes later takes back what was counted too much. */
export const graceMs = 120_000;
const atOnce = 5_000;

/** Records what lasts up to the end of the last hour, once in every hour. */
export async function meterHour({ database, clock, log }: Parts, signal?: AbortSignal): Promise<void> {
  const now = clock.now().getTime();
  const hour = new Date(Math.floor((now - graceMs) / hourMs) * hourMs);
  const scope = { kind: 'system', reason: 'the hour is metered' } as const;
  const { through } = await database.read(scope, readProgress);
  if (through !== null && through >= hour) return;
  await meterEvents({ database, clock, ...(log ? { log } : {}) }, signal);
  let after: Running | undefined;
  while (signal?.aborted !== true) {
    const last = await database.transaction(scope, async (tx) => {
      await lockMeter(tx);
      const running = await findRunningBefore(tx, hour, { after, limit: atOnce });
      const steps = running.map((each) => ({ key: keyOf(each), step: lasting(each, hour) }));
      await save(tx, new Map(running.map((each) => [keyOf(each), each])), new Map(steps.map(({ key, step }) => [key, step.running])), steps.flatMap(({ step }) => step.records));
      if (running.length === atOnce) return running.at(-1);
      // An event that cannot be recorded yet: the hour is not said to be whole until it is.
      if (!(await areEventsDue(tx, consumerName, hour))) await setThrough(tx, hour);
      return undefined;
    });
    if (last === undefined) return;
    after = last;
  }
}

async function save(tx: Transaction, known: ReadonlyMap<string, Running>, touched: ReadonlyMap<string, Running | undefined>, records: readonly NewRecord[]): Promise<void> {
  const ended: { resource: MeteredResource; resourceId: string }[] = [];
  const [begun, changed]: [Running[], Running[]] = [[], []];
  for (const [key, running] of touched) {
    const before = known.get(key);
    if (running === undefined && before !== undefined) ended.push(before);
    if (running !== undefined && before === undefined) begun.push(running);
    else if (running !== undefined && running !== before) changed.push(running);
  }
  await deleteRunning(tx, ended);
  await insertRunning(tx, begun);
  await updateRunning(tx, changed);
  await appendRecords(tx, records);
  if (records.length > 0) await countSpending(tx, records);
}

/** Of several observations of a thing one is enough to find it, and of what is known already none. */
function onceEach(observations: readonly Observation[], keys: readonly string[], known: ReadonlyMap<string, Running>): Observation[] {
  const seen = new Set<string>();
  return observations.filter((_, index) => {
    const before = seen.size;
    return !known.has(keys[index]!) && seen.add(keys[index]!).size > before;
  });
}

function keyOf({ resource, resourceId }: { resource: string; resourceId: string }): string {
  return `${resource}/${resourceId}`;
}
