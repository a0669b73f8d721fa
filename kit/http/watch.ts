/** A list that goes on: server-sent events, each with the resource as the client's own service shows it. */
import type { EventStream } from '../events/stream.ts';
import { Fault } from '../fault.ts';
import { demandRight, scopeOf } from './right.ts';
import { perform, type Endpoint, type Incoming } from './route.ts';

const heartbeatMs = 15_000;

/** Refuses before the first byte; afterwards a slow or departed reader ends it. */
export function watch(stream: EventStream, list: Endpoint, show: Endpoint, incoming: Incoming): AsyncIterable<string> {
  demandRight(list.operation.access, incoming.caller, incoming);
  const { resource, parameter, ofNoProject = false, ofUser = false } = list.operation.list!;
  const scope = scopeOf({ ...list.operation.access, adminEverywhere: false }, incoming.caller);
  const after = Number(incoming.headers['last-event-id'] ?? Number.NaN);
  const ended = new AbortController();
  const events = stream.subscribe({
    resource,
    ...(scope.kind === 'project' && !ofNoProject && !ofUser ? { projectId: scope.projectId } : {}),
    ...(Number.isSafeInteger(after) ? { after } : {}),
    signal: AbortSignal.any([incoming.signal, ended.signal]),
  });
  return lines();

  async function* lines(): AsyncGenerator<string> {
    yield ': watching\n\n';
    const iterator = events[Symbol.asyncIterator]();
    try {
      // One request for the next event is always under way; a heartbeat must not lose it.
      let next = iterator.next();
      let beat = heartbeat(incoming.signal);
      for (;;) {
        const first = await Promise.race([next, beat]);
        if (first === undefined) {
          beat = heartbeat(incoming.signal);
          yield ': still here\n\n';
          continue;
        }
        if (first.done === true) return;
        next = iterator.next();
        const { id, type, resourceId, payload } = first.value;
        if (!isBelow(incoming.params, payload)) continue;
        if (ofUser && (payload as { userId?: unknown }).userId !== incoming.caller.userId) continue;
        const shown = await showOne(show, { ...incoming, params: { ...incoming.params, [parameter]: resourceId }, query: {} });
        if (shown === hidden) continue;
        yield `id: ${id}\nevent: ${shown === undefined ? 'deleted' : type}\ndata: ${JSON.stringify(shown ?? { id: resourceId })}\n\n`;
      }
    } finally {
      ended.abort();
    }
  }
}

function heartbeat(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve(undefined);
    };
    const timer = setTimeout(done, heartbeatMs);
    timer.unref();
    signal.addEventListener('abort', done);
  });
}

/** Of a list below something, such as a user's credentials: whether the event's payload names the same one. */
function isBelow(params: Readonly<Record<string, string>>, payload: object): boolean {
  return Object.entries(payload).every(([name, value]) => params[name] === undefined || params[name] === value);
}

/** Something that the reader may not see: not a word about it. */
const hidden = Symbol('hidden');

async function showOne(show: Endpoint, incoming: Incoming): Promise<unknown> {
  try {
    return (await perform(show, incoming)).body;
  } catch (error) {
    if (error instanceof Fault && error.status === 404) return undefined;
    if (error instanceof Fault && error.status === 403) return hidden;
    throw error;
  }
}
