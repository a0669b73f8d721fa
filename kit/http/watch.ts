/** A list that goes on: server-sent events, as the client's own service shows things. */
import { createHash } from 'node:crypto';
import type { ListAsWhole, ListOfItems } from '../../contract/contract.ts';
import type { Clock } from '../clock.ts';
import type { Event } from '../events/events.ts';
import type { EventStream } from '../events/stream.ts';
import { Fault } from '../fault.ts';
import type { Caller } from './caller.ts';
import { scopeOf } from './right.ts';
import { perform, type Endpoint, type Incoming } from './route.ts';

const heartbeatMs = 15_000;
const mostAtOnce = 500;

export type Watching = {
  clock: Pick<Clock, 'after'>;
  stream: EventStream;
  list: Endpoint;
  /** The other operations of its noun. */
  noun: Readonly<Record<string, Endpoint>>;
  incoming: Incoming;
  /** The same request made now; undefined when its token is no longer good. */
  again(): Promise<Incoming | undefined>;
};

/** Refuses before the first byte; afterwards a slow or departed reader ends it, and so does the end of the token. */
export async function watch(watching: Watching): Promise<AsyncIterable<string>> {
  const { list } = watching.list.operation;
  if (list === undefined) throw new Error(`${watching.list.id} is no list`);
  const ended = new AbortController();
  try {
    const tell = 'after' in list ? await wholeTeller(watching, list, ended) : await itemsTeller(watching, list, ended);
    return lines(watching, tell, ended);
  } catch (error) {
    ended.abort();
    throw error;
  }
}

type Teller = {
  events: AsyncIterable<Event>;
  /** What there is to say about these events; about none of them when the time has come to look without. */
  tell(events: readonly Event[], incoming: Incoming): AsyncIterable<string>;
};

async function* lines({ clock, incoming, again }: Watching, { events, tell }: Teller, ended: AbortController): AsyncGenerator<string> {
  yield ': watching\n\n';
  try {
    for await (const happened of batches(events, clock, AbortSignal.any([incoming.signal, ended.signal]))) {
      const now = await again();
      if (!now) return;
      yield* tell(happened, now);
      if (ended.signal.aborted) return;
      if (happened.length === 0) yield ': still here\n\n';
    }
  } finally {
    ended.abort();
  }
}

/** Each event's item, as it is shown to the reader now. */
async function itemsTeller({ stream, list: endpoint, noun, incoming }: Watching, list: ListOfItems, ended: AbortController): Promise<Teller> {
  const show = noun[list.show];
  if (!show) throw new Error(`${endpoint.id} names no operation that shows one`);
  // The list itself says who may ask for it, and whether what it is below is there.
  await perform(endpoint, { ...incoming, query: { ...incoming.query, ...(takesLimit(endpoint) ? { limit: '1' } : {}) } });
  const scope = scopeOf({ ...endpoint.operation.access, adminEverywhere: false }, incoming.caller);
  const events = stream.subscribe({
    resources: [list.resource],
    ...(scope.kind === 'project' && !list.ofNoProject && !list.ofUser ? { projectId: scope.projectId } : {}),
    ...resumed(incoming),
    signal: AbortSignal.any([incoming.signal, ended.signal]),
  });
  return { events, tell };

  async function* tell(happened: readonly Event[], now: Incoming): AsyncGenerator<string> {
    for (const { id, type, resourceId, payload } of happened) {
      if (!isBelow(now.params, payload) || !mayHear(now.caller, payload)) continue;
      if (list.ofUser && (payload as { userId?: unknown }).userId !== now.caller.userId) continue;
      const shown = await read(show!, { ...now, params: { ...now.params, [list.parameter]: resourceId }, query: {} });
      if (shown === hidden) continue;
      yield message(shown === gone ? 'deleted' : type, shown === gone ? { id: resourceId } : shown, id);
    }
  }
}

/** The list itself, read anew as the reader would; of it only a digest is kept. */
async function wholeTeller({ stream, list: endpoint, incoming }: Watching, { after, byItself }: ListAsWhole, ended: AbortController): Promise<Teller> {
  // Before the list is first read, so that no change is between the two.
  const events = stream.subscribe({ resources: Object.keys(after), ...resumed(incoming), signal: AbortSignal.any([incoming.signal, ended.signal]) });
  const first = digest((await perform(endpoint, incoming)).body);
  // Who resumes may have seen another one.
  let last = 'after' in resumed(incoming) ? undefined : first;
  return { events, tell };

  async function* tell(happened: readonly Event[], now: Incoming): AsyncGenerator<string> {
    const newest = happened.findLast(concerns);
    if (!newest && !(byItself === true && happened.length === 0)) return;
    const shown = await read(endpoint, now);
    const current = digest(shown);
    if (current === last) return;
    last = current;
    if (shown === gone) yield message('deleted', incoming.params, newest?.id);
    else if (shown !== hidden) yield message('changed', shown, newest?.id);
    if (shown === gone || shown === hidden) ended.abort();
  }

  function concerns({ resource, resourceId, payload }: Event): boolean {
    const parameter = after[resource] ?? null;
    return (parameter === null || incoming.params[parameter] === resourceId) && isBelow(incoming.params, payload);
  }
}

function message(event: string, data: unknown, id?: number): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

function resumed({ headers }: Incoming): { after?: number } {
  const after = Number(headers['last-event-id'] ?? Number.NaN);
  return Number.isSafeInteger(after) ? { after } : {};
}

/** What has happened, all that is there at once; nothing when it is time for a sign of life. */
async function* batches(events: AsyncIterable<Event>, clock: Pick<Clock, 'after'>, signal: AbortSignal): AsyncGenerator<Event[]> {
  const iterator = events[Symbol.asyncIterator]();
  // One request for the next event is always under way; a heartbeat must not lose it, and while nobody waits for it, it must not fail.
  const ask = () => iterator.next().then((result) => ({ result }), (error: unknown) => ({ error }));
  // Ends with the reader too: then there are no more events.
  const heartbeat = () => clock.after(heartbeatMs, signal).catch((error: unknown) => (signal.aborted ? undefined : { error }));
  let next = ask();
  let beat = heartbeat();
  for (;;) {
    const batch: Event[] = [];
    for (let found = await Promise.race([next, beat]); found !== undefined; found = batch.length < mostAtOnce ? await Promise.race([next, soon()]) : undefined) {
      if ('error' in found) throw found.error;
      if (found.result.done === true) {
        if (batch.length === 0) return;
        break;
      }
      batch.push(found.result.value);
      next = ask();
    }
    if (batch.length === 0) {
      if (signal.aborted) return;
      beat = heartbeat();
    }
    yield batch;
  }
}

/** After what is there already. */
function soon(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(() => resolve(undefined)));
}

/** Of a list below something, such as a user's credentials: whether the event's payload names the same one. */
function isBelow(params: Readonly<Record<string, string>>, payload: object): boolean {
  return Object.entries(payload).every(([name, value]) => params[name] === undefined || params[name] === value);
}

function takesLimit({ operation }: Endpoint): boolean {
  return 'limit' in ((operation.query as { properties?: object } | undefined)?.properties ?? {});
}

/** What is private is kept from all but those who see it, also that it is gone: they would learn that it was. */
function mayHear({ isAdmin, projectId }: Caller, payload: { seenBy?: unknown }): boolean {
  return isAdmin || !Array.isArray(payload.seenBy) || payload.seenBy.includes(projectId);
}

const gone = Symbol('gone');
/** Something that the reader may not see: not a word about it. */
const hidden = Symbol('hidden');

async function read(endpoint: Endpoint, incoming: Incoming): Promise<unknown> {
  try {
    return (await perform(endpoint, incoming)).body;
  } catch (error) {
    if (error instanceof Fault && error.status === 404) return gone;
    if (error instanceof Fault && (error.status === 403 || error.status === 401)) return hidden;
    throw error;
  }
}

function digest(shown: unknown): string {
  return typeof shown === 'symbol' ? String(shown) : createHash('sha256').update(JSON.stringify(shown)).digest('base64');
}
