/** Somebody who watches lists, over a real connection to the door. */
import assert from 'node:assert/strict';
import { newestOf, type Operation, type Service } from '../contract/contract.ts';
import type { Person, TestCloud } from './cloud.ts';

export type Told = { event: string; data: Record<string, unknown> };
export type Watch = {
  /** All that was told so far. */
  told: Told[];
  /** With which to resume after it. */
  lastEventId(): string;
  /** Waits for the next of what is told that is it. */
  until(what: string, isIt: (told: Told) => boolean): Promise<Told>;
};

/** Every list of these services that can be watched, so that a new one is not forgotten. */
export function watchable(...services: readonly Service[]): string[] {
  return services.flatMap((service) =>
    Object.entries(service.nouns).flatMap(([noun, operations]) => Object.entries(operations as Record<string, Operation>).flatMap(([name, operation]) => (operation.list && (service.microversions === undefined || newestOf(service, operation) !== undefined) ? [`${service.type}.${noun}.${name}`] : []))),
  );
}

export async function watch(t: { after(work: () => void): void }, cloud: TestCloud, who: Person, path: string, headers: Record<string, string> = {}): Promise<Watch> {
  const address = cloud.door.app.server.listening ? cloud.door.app.listeningOrigin : await cloud.door.listen({ host: '127.0.0.1', port: 0 });
  const left = new AbortController();
  t.after(() => left.abort());
  const response = await fetch(`${address}${path}`, { headers: { 'x-auth-token': await who.token(), accept: 'text/event-stream', ...headers }, signal: left.signal });
  // Read to its end, so that its connection does not stay open.
  if (response.status !== 200) await response.text();
  assert.equal(response.status, 200, path);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const told: Told[] = [];
  let looked = 0;
  let id = '';
  let text = (await reader.read()).value ?? '';
  return {
    told,
    lastEventId: () => id,
    async until(what, isIt) {
      const late = setTimeout(() => left.abort(new Error(`${what} was not told within 20 s: ${JSON.stringify(told)}`)), 20_000);
      try {
        for (;;) {
          const parts = text.split('\n\n');
          text = parts.pop() ?? '';
          for (const part of parts) {
            const found = /event: (.*)\ndata: (.*)/.exec(part);
            id = /^id: (.*)$/m.exec(part)?.[1] ?? id;
            if (found) told.push({ event: found[1]!, data: JSON.parse(found[2]!) as Told['data'] });
          }
          while (looked < told.length) {
            const next = told[looked++]!;
            if (isIt(next)) return next;
          }
          const { value, done } = await reader.read();
          assert.ok(!done, `${what} was not told before the list ended: ${JSON.stringify(told)}`);
          text += value;
        }
      } finally {
        clearTimeout(late);
      }
    },
  };
}
