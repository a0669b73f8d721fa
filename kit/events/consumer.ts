/** Durable consumers: each event once, in the transaction of what the consumer does about it. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { sql, type Database, type Transaction } from '../postgres/database.ts';
import { asLike, eventChannel, eventColumns, type Event, type Filter } from './events.ts';

export type ConsumerOptions = Filter & {
  database: Database;
  clock: Clock;
  /** The same name in several processes is one consumer: each event goes to one of them. */
  name: string;
  /**
   * What it does with `tx` is done exactly once. When it throws it is tried again later, and only the
   * events of the same resource wait for that.
   */
  handle(tx: Transaction, event: Event): Promise<void>;
  log?: Log;
  concurrency?: number;
  pollMs?: number;
};

export type Consumer = {
  stop(): Promise<void>;
  /** Resolves when all events that are due were handled. */
  idle(): Promise<void>;
};

const pause = { firstMs: 200, maxMs: 30_000 };

/** Begins with the events that are emitted after the first call with this name. */
export async function consume(options: ConsumerOptions): Promise<Consumer> {
  const { database, clock, name, handle, log, concurrency = 4, pollMs = 500 } = options;
  const scope = { kind: 'system', reason: `consumer ${name}` } as const;
  await database.transaction(
    scope,
    (tx) => tx.run`
      insert into kit.event_consumer (name, types) values (${name}, ${asLike(options)})
      on conflict (name) do update set types = excluded.types`,
  );

  const stopping = new AbortController();
  let rung = false;
  let wake = () => {};
  const ring = () => {
    rung = true;
    wake();
  };
  const stopListening = await database.listen(eventChannel, ring);

  let draining = Promise.resolve();
  /** One at a time, so that `idle` knows when the last one has ended. */
  function drain(): Promise<void> {
    draining = draining.then(drainNow, drainNow);
    return draining;
  }

  async function drainNow(): Promise<void> {
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        while (!stopping.signal.aborted && (await handleNext()));
      }),
    );
  }

  /** False when nothing was due. */
  async function handleNext(): Promise<boolean> {
    let taken: (Event & { attempt: number }) | undefined;
    try {
      return await database.transaction(scope, async (tx) => {
        taken = await takeNext(tx, name, clock.now());
        if (!taken) return false;
        const { attempt: _, ...event } = taken;
        await handle(tx, event);
        return true;
      });
    } catch (error) {
      if (!taken) throw error;
      const waitMs = Math.min(pause.firstMs * 2 ** taken.attempt, pause.maxMs);
      log?.warn({ err: error, consumer: name, event: taken.id, retryInMs: waitMs }, 'an event could not be handled');
      const { id } = taken;
      const retryAt = new Date(clock.now().getTime() + waitMs);
      await database.transaction(
        scope,
        (tx) => tx.run`
          update kit.event_delivery set attempt = attempt + 1, retry_at = ${retryAt}, error = ${String(error)}
          where consumer = ${name} and event_id = ${id}`,
      );
      return true;
    }
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      rung = false;
      try {
        await drain();
      } catch (error) {
        log?.warn({ err: error, consumer: name }, 'cannot look for events');
      }
      if (rung) continue;
      const timer = new AbortController();
      const poll = clock.after(pollMs, timer.signal).catch((error: unknown) => {
        if (!timer.signal.aborted) throw error;
      });
      await Promise.race([poll, new Promise<void>((resolve) => (wake = resolve))]);
      timer.abort();
    }
  }

  const looping = loop();
  return {
    async stop() {
      stopping.abort();
      stopListening();
      ring();
      await looping;
    },
    idle: drain,
  };
}

/** What consumers could not do yet, for the doctor. */
export function failingDeliveries(
  tx: Transaction,
): Promise<{ consumer: string; eventId: number; about: string; attempt: number; error: string }[]> {
  return tx.rows`
    select consumer, event_id as "eventId", about, attempt, error from kit.event_delivery
    where attempt > 0 order by attempt desc, event_id limit 1000`;
}

/** Forgets a consumer that is not part of the product any more, with what was kept for it. */
export async function forgetConsumer(tx: Transaction, name: string): Promise<void> {
  await tx.run`delete from kit.event_consumer where name = ${name}`;
}

/** The oldest event of some resource that nobody else is handling; its row is gone with the commit. */
function takeNext(tx: Transaction, consumer: string, now: Date): Promise<(Event & { attempt: number }) | undefined> {
  const next = sql`
    select delivery.event_id from kit.event_delivery delivery
    where delivery.consumer = ${consumer} and delivery.retry_at <= ${now}
      and not exists (
        select from kit.event_delivery earlier
        where earlier.consumer = delivery.consumer and earlier.about = delivery.about and earlier.event_id < delivery.event_id
      )
    order by delivery.event_id limit 1
    for update of delivery skip locked`;
  return tx.one<Event & { attempt: number }>`
    with next as materialized (${next}),
    taken as (
      delete from kit.event_delivery delivery using next
      where delivery.consumer = ${consumer} and delivery.event_id = next.event_id
      returning delivery.event_id, delivery.attempt
    )
    select ${eventColumns}, taken.attempt from taken join kit.event event on event.id = taken.event_id`;
}
