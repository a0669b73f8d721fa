/** Durable consumption in batches: for consumers that do the same about many events, in one transaction. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { sql, type Database, type Sql, type Transaction } from '../postgres/database.ts';

export type BatchOptions<Told extends object> = {
  database: Database;
  clock: Pick<Clock, 'now'>;
  /** A consumer that is registered (`kit.event_consumer`), by a migration or by `consume`. */
  name: string;
  /** What it has to know of each: columns of `event`. To bring whole events here costs more than most of what is done about them. */
  columns: Sql;
  /** The oldest first, those of one resource in their order. What it does with `tx` is done exactly once. */
  handle(tx: Transaction, events: (Told & Numbered)[]): Promise<void>;
  size?: number;
  log?: Log;
  signal?: AbortSignal;
};

export type Numbered = { readonly id: number };
type Delivered = Numbered & { attempt: number };

const pause = { firstMs: 1_000, maxMs: 60_000 };

/**
 * Handles all that is due, and resolves to how many that were. One process at a time does it. When a batch fails its
 * events are handled one by one; the one that cannot be is tried again later, and only events of its resource wait.
 */
export async function consumeBatches<Told extends object>(options: BatchOptions<Told>): Promise<number> {
  const { size = 2_500, signal } = options;
  let total = 0;
  while (signal?.aborted !== true) {
    const handled = await handleBatch(options, size);
    total += handled;
    if (handled < size) break;
  }
  return total;
}

async function handleBatch<Told extends object>(options: BatchOptions<Told>, size: number): Promise<number> {
  const { database, name, clock, columns, handle, log } = options;
  let count = 0;
  try {
    await database.transaction(scopeOf(name), async (tx) => {
      const events = await take<Told>(tx, { name, columns, now: clock.now(), size });
      count = events.length;
      if (count > 0) await handle(tx, events);
    });
    return count;
  } catch (error) {
    if (count === 0) throw error;
    log?.warn({ err: error, consumer: name, events: count }, 'a batch of events could not be handled; each is tried alone');
  }
  for (let left = count; left > 0 && (await handleOne(options)); left--);
  return count;
}

/** False when nothing was due. */
async function handleOne<Told extends object>({ database, name, clock, columns, handle, log }: BatchOptions<Told>): Promise<boolean> {
  let taken: Delivered | undefined;
  try {
    return await database.transaction(scopeOf(name), async (tx) => {
      const events = await take<Told>(tx, { name, columns, now: clock.now(), size: 1 });
      taken = events[0];
      if (taken) await handle(tx, events);
      return taken !== undefined;
    });
  } catch (error) {
    if (!taken) throw error;
    const { id, attempt } = taken;
    const waitMs = Math.min(pause.firstMs * 2 ** attempt, pause.maxMs);
    log?.warn({ err: error, consumer: name, event: id, retryInMs: waitMs }, 'an event could not be handled');
    await database.transaction(scopeOf(name), (tx) => putOff(tx, name, id, new Date(clock.now().getTime() + waitMs), String(error)));
    return true;
  }
}

/** Whether events wait that happened before this moment. */
export async function areEventsDue(tx: Transaction, name: string, before: Date): Promise<boolean> {
  const row = await tx.one<{ due: boolean }>`
    select exists (
      select from kit.event_delivery delivery join kit.event event on event.id = delivery.event_id
      where delivery.consumer = ${name} and event.at < ${before}
    ) as due`;
  return row?.due ?? false;
}

type Taking = { name: string; columns: Sql; now: Date; size: number };

function take<Told extends object>(tx: Transaction, { name: consumer, columns, now, size }: Taking): Promise<(Told & Delivered)[]> {
  const due = sql`delivery.consumer = ${consumer} and delivery.retry_at <= ${now}
      and delivery.about not in (select about from kit.event_delivery where consumer = ${consumer} and attempt > 0 and retry_at > ${now})`;
  // The lock comes first, or two takers would see the same rows and one of them wait for nothing. What is oldest lies
  // side by side: with both ends the planner takes that stretch of the index, and not the whole table.
  return tx.rows<Told & Delivered>`
    with turn as materialized (select pg_advisory_xact_lock(hashtext('kit.event_delivery'), hashtext(${consumer}))),
    ends as materialized (
      select min(event_id) as first, max(event_id) as last
      from turn, lateral (select delivery.event_id from kit.event_delivery delivery where ${due} order by delivery.event_id limit ${size}) next
    ),
    taken as (
      delete from kit.event_delivery delivery
      where ${due} and delivery.event_id between (select first from ends) and (select last from ends)
      returning delivery.event_id, delivery.attempt
    )
    select event.id, ${columns}, taken.attempt from taken join kit.event event on event.id = taken.event_id
    where event.id between (select first from ends) and (select last from ends)
    order by event.id`;
}

function putOff(tx: Transaction, consumer: string, id: number, retryAt: Date, error: string): Promise<number> {
  return tx.run`
    update kit.event_delivery set attempt = attempt + 1, retry_at = ${retryAt}, error = ${error}
    where consumer = ${consumer} and event_id = ${id}`;
}

function scopeOf(name: string) {
  return { kind: 'system', reason: `consumer ${name}` } as const;
}
