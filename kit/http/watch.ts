/** A list that goes on: server-sent events, each with the resource as the client's own service shows it. */
import { Fault } from '../fault.ts';
import { subscribe } from '../events/subscribe.ts';
import { demandRight, scopeOf } from './right.ts';
import { perform, type Endpoint, type Incoming } from './route.ts';

const heartbeatMs = 15_000;

/** Refuses before the first byte; afterwards a slow or departed reader ends it. */
export async function watch(list: Endpoint, show: Endpoint, incoming: Incoming): Promise<AsyncIterable<string>> {
  demandRight(list.operation.access, incoming.caller);
  const options = list.operation.list!;
  const scope = scopeOf({ ...list.operation.access, adminEverywhere: false }, incoming.caller);
  const after = Number(incoming.headers['last-event-id'] ?? Number.NaN);
  const events = await subscribe(
    list.database,
    { resource: options.resource, projectId: scope.kind === 'project' ? scope.projectId : undefined, after: Number.isSafeInteger(after) ? after : undefined, heartbeatMs },
    incoming.signal,
  );
  return (async function* () {
    yield ': watching\n\n';
    for await (const event of events) {
      if (event === 'heartbeat') {
        yield ': still here\n\n';
        continue;
      }
      const shown = await showOne(show, { ...incoming, params: { ...incoming.params, [options.parameter]: event.resourceId }, query: {} });
      yield `id: ${event.id}\nevent: ${shown === undefined ? 'deleted' : event.type}\ndata: ${JSON.stringify(shown ?? { id: event.resourceId })}\n\n`;
    }
  })();
}

async function showOne(show: Endpoint, incoming: Incoming): Promise<unknown> {
  try {
    return (await perform(show, incoming)).body;
  } catch (error) {
    if (error instanceof Fault && error.status === 404) return undefined;
    throw error;
  }
}
