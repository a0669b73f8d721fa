/**
 * Notes every request that a door of this process answers with success, for `test/coverage.ts`: loaded before the tests
 * (`node --import ./test/recorder.ts`), it hears what fastify publishes, so that no door knows of it.
 */
import { writeFileSync } from 'node:fs';
import { subscribe } from 'node:diagnostics_channel';
import type { FastifyReply, FastifyRequest } from 'fastify';

const file = process.env['RECORDED_CALLS'];
const calls = new Set<string>();

type Answered = { request: FastifyRequest; reply: FastifyReply };

if (file !== undefined) {
  subscribe('tracing:fastify.request.handler:asyncEnd', note);
  // What needs no waiting is answered before the handler returns.
  subscribe('tracing:fastify.request.handler:end', note);
  process.on('exit', () => writeFileSync(file, [...calls].toSorted().join('\n')));
}

function note(message: unknown): void {
  const { request, reply } = message as Answered;
  const route = request.routeOptions.url;
  if (!reply.sent || reply.statusCode >= 400 || route === undefined) return;
  const keys = route.endsWith('/action') && typeof request.body === 'object' && request.body !== null ? Object.keys(request.body) : [];
  calls.add([request.method, route, keys.length === 1 ? keys[0] : '-'].join(' '));
}
