/** Telling what happened, in the transaction in which it happened. */
import type { Clock } from '../clock.ts';
import { sql, type Gathered, type Sql, type Transaction } from '../postgres/database.ts';

export type NewEvent = {
  /** Such as `server.create.end`. */
  type: string;
  /** The kind of thing it is about, and which one. */
  resource: string;
  resourceId: string;
  projectId?: string | undefined;
  requestId?: string | undefined;
  payload: object;
};

export type Event = Omit<NewEvent, 'projectId' | 'requestId'> & {
  id: number;
  projectId: string | null;
  requestId: string | null;
  at: Date;
};

/** `types` are patterns: `server.*` is every event of servers. Without them, all. */
export type Filter = { types?: readonly string[] };

/** Woken when there are new events. */
export const eventChannel = 'kit_event';

/**
 * Records the event and what its consumers will be handed: true when the transaction is, and never
 * lost. Events of one resource get their numbers in the order of their commits.
 */
export async function emit(tx: Transaction, clock: Pick<Clock, 'now'>, event: NewEvent): Promise<void> {
  tx.gather(told, { ...event, at: clock.now() });
  tx.wake(eventChannel);
}

const told: Gathered<NewEvent & { at: Date }> = {
  statement: (events) => sql`
    with wish as materialized (
      select type, resource, resource_id, project_id, request_id, payload, at, place, resource || '/' || resource_id as about
      -- Of bare arrays the planner knows the length, and takes that for a reason to plan anew each time: longer than to insert.
      from unnest(
        (select ${events.map(({ type }) => type)}::text[]), (select ${events.map(({ resource }) => resource)}::text[]), (select ${events.map(({ resourceId }) => resourceId)}::text[]),
        (select ${events.map(({ projectId }) => projectId ?? null)}::text[]), (select ${events.map(({ requestId }) => requestId ?? null)}::text[]),
        (select ${events.map(({ payload }) => JSON.stringify(payload))}::jsonb[]), (select ${events.map(({ at }) => at)}::timestamptz[])
      ) with ordinality as wish (type, resource, resource_id, project_id, request_id, payload, at, place)
    ),
    -- In one order, as two transactions that tell of the same things must not wait for one another.
    turn as materialized (select pg_advisory_xact_lock(hashtext('kit.event'), key) from (select distinct hashtext(about) as key from wish order by 1) keys),
    event as (
      insert into kit.event (type, resource, resource_id, project_id, request_id, payload, at)
      select type, resource, resource_id, project_id, request_id, payload, at from wish, (select count(*) from turn) held order by place
      returning id, type, resource, resource_id
    )
    -- A delivery row is written here, not found later by a cursor over the numbers: a number is given
    -- before the commit, so a cursor passes over the events of a transaction that commits late.
    insert into kit.event_delivery (consumer, event_id, about)
    select consumer.name, event.id, event.resource || '/' || event.resource_id from event join kit.event_consumer consumer
      on consumer.types is null or event.type like any(consumer.types)`,
};

/** Events of one resource, the oldest first. */
export function listEvents(tx: Transaction, resource: string, resourceId: string): Promise<Event[]> {
  return tx.rows<Event>`
    select ${eventColumns} from kit.event event where resource = ${resource} and resource_id = ${resourceId} order by id`;
}

/** Removes old events that every consumer has had. */
export function forgetEventsBefore(tx: Transaction, moment: Date): Promise<number> {
  return tx.run`
    delete from kit.event event where at < ${moment}
    and not exists (select from kit.event_delivery delivery where delivery.event_id = event.id)`;
}

export const eventColumns: Sql = sql`
  event.id, event.type, event.resource, event.resource_id as "resourceId", event.project_id as "projectId",
  event.request_id as "requestId", event.payload, event.at`;

/** For SQL's "like": only `*` means something. */
export function asLike({ types }: Filter): string[] | null {
  return types?.map((type) => type.replaceAll(/[\\%_]/g, '\\$&').replaceAll('*', '%')) ?? null;
}
