/**
 * Live events for readers who come and go, such as server-sent events. One reader of the table for each
 * process, however many subscribers there are; nothing is kept for those who are away, but they can
 * resume after the last event they saw while it is remembered.
 */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { sql, type Database, type Transaction } from '../postgres/database.ts';
import { eventChannel, eventColumns, type Event, type Filter } from './events.ts';

export type Subscription = Filter & {
  /** Only this project's; without it, everyone's. */
  projectId?: string;
  resources?: readonly string[];
  /** The id of the last event that was seen; without it, what happens from now on. */
  after?: number;
  signal: AbortSignal;
};

export type EventStream = {
  subscribe(subscription: Subscription): AsyncIterable<Event>;
  close(): Promise<void>;
};

/** The reader did not keep up, or the event it wants to resume after is forgotten: it has to begin anew. */
export class SubscriptionLost extends Error {
  override name = 'SubscriptionLost';
}

const mostBuffered = 1_000;
const pageSize = 500;
const scope = { kind: 'system', reason: 'event stream' } as const;

/** A place in the order of `kit.event (transaction, id)`; transactions are too long for a number. */
type Place = { transaction: string; id: number };
type Placed = Event & { transaction: string };
type Reader = { matches(event: Event): boolean; buffer: Event[]; lost: boolean; wake(): void };

export async function createEventStream({
  database,
  clock,
  log,
  pollMs = 1_000,
}: {
  database: Database;
  clock: Clock;
  log?: Log;
  pollMs?: number;
}): Promise<EventStream> {
  const readers = new Set<Reader>();
  const closing = new AbortController();
  let place = await database.read(scope, lastPlace);
  let reading: Promise<void> = Promise.resolve();
  let rung = false;
  let wake = () => {};
  const stopListening = await database.listen(eventChannel, () => {
    rung = true;
    wake();
  });

  async function tail(): Promise<void> {
    while (!closing.signal.aborted) {
      const woken = rung;
      rung = false;
      let found = 0;
      try {
        reading = hand();
        await reading;
      } catch (error) {
        log?.warn({ err: error }, 'cannot read events');
      }
      // Who closed it meanwhile woke nobody.
      if (rung || found === pageSize || closing.signal.aborted) continue;
      const timer = new AbortController();
      // Woken and nothing there: an older transaction is still under way, and nobody rings when it ends.
      const poll = clock.after(woken && found === 0 ? Math.min(50, pollMs) : pollMs, timer.signal).catch((error: unknown) => {
        if (!timer.signal.aborted) throw error;
      });
      await Promise.race([poll, new Promise<void>((resolve) => (wake = resolve))]);
      timer.abort();

      async function hand(): Promise<void> {
        const events = await database.read(scope, (tx) => eventsAfter(tx, place));
        found = events.length;
        for (const event of events) {
          place = event;
          for (const reader of readers) if (reader.matches(event)) push(reader, withoutPlace(event));
        }
      }
    }
  }

  function subscribe(subscription: Subscription): AsyncIterable<Event> {
    const { signal, after } = subscription;
    const reader = createReader(subscription);
    // Registered first, and read back up to where the tail is then: nothing is missed, nothing comes twice.
    const until = place;
    if (!signal.aborted) readers.add(reader);
    const ended = AbortSignal.any([signal, closing.signal]);
    ended.addEventListener('abort', () => {
      readers.delete(reader);
      reader.wake();
    });
    return follow(reader, after, until, ended);
  }

  async function* follow(reader: Reader, after: number | undefined, until: Place, ended: AbortSignal): AsyncGenerator<Event> {
    try {
      if (after !== undefined) yield* history(reader, after, until);
      while (!ended.aborted) {
        const event = reader.buffer.shift();
        if (event) yield event;
        else if (reader.lost) throw new SubscriptionLost('The reader was too slow');
        else await new Promise<void>((resolve) => (reader.wake = resolve));
      }
    } finally {
      readers.delete(reader);
    }
  }

  async function* history(reader: Reader, after: number, until: Place): AsyncGenerator<Event> {
    let from = await database.read(scope, (tx) => placeOf(tx, after));
    if (!from) throw new SubscriptionLost(`The event ${after} is forgotten`);
    for (;;) {
      const place: Place = from;
      const page = await database.read(scope, (tx) => eventsAfter(tx, place, until));
      for (const event of page) if (reader.matches(event)) yield withoutPlace(event);
      const last = page.at(-1);
      if (!last || page.length < pageSize) return;
      from = last;
    }
  }

  const tailing = tail();
  return {
    subscribe,
    async close() {
      closing.abort();
      stopListening();
      wake();
      await tailing;
      await reading;
    },
  };
}

function createReader({ types, projectId, resources }: Subscription): Reader {
  const patterns = types?.map((type) => new RegExp(`^${type.split('*').map(RegExp.escape).join('.*')}$`));
  return {
    buffer: [],
    lost: false,
    wake() {},
    matches: (event) =>
      (projectId === undefined || event.projectId === projectId) &&
      (resources?.includes(event.resource) ?? true) &&
      (!patterns || patterns.some((pattern) => pattern.test(event.type))),
  };
}

function push(reader: Reader, event: Event): void {
  if (reader.lost) return;
  if (reader.buffer.length >= mostBuffered) reader.lost = true;
  else reader.buffer.push(event);
  reader.wake();
}

async function lastPlace(tx: Transaction): Promise<Place> {
  const row = await tx.one<Place>`
    select transaction::text, id from kit.event event where ${settled} order by event.transaction desc, id desc limit 1`;
  return row ?? { transaction: '0', id: 0 };
}

function placeOf(tx: Transaction, id: number): Promise<Place | undefined> {
  return tx.one<Place>`select transaction::text, id from kit.event where id = ${id}`;
}

function eventsAfter(tx: Transaction, { transaction, id }: Place, until?: Place): Promise<Placed[]> {
  const end = until ? sql`and (event.transaction, event.id) <= (${until.transaction}::xid8, ${until.id}::bigint)` : sql.empty;
  return tx.rows<Placed>`
    select ${eventColumns}, event.transaction::text from kit.event event
    where (event.transaction, event.id) > (${transaction}::xid8, ${id}::bigint) and ${settled} ${end}
    order by event.transaction, event.id limit ${pageSize}`;
}

/** Of a transaction older than every one under way: nothing can still appear before it. */
const settled = sql`event.transaction < pg_snapshot_xmin(pg_current_snapshot())`;

function withoutPlace(placed: Placed): Event {
  const { id, type, resource, resourceId, projectId, requestId, payload, at } = placed;
  return { id, type, resource, resourceId, projectId, requestId, payload, at };
}
