/** A host and its region that are one version apart. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DriverError } from '../drivers/driver.ts';
import { simulatedFixture } from '../drivers/simulated/simulated.fixtures.ts';
import { serverOf } from '../drivers/spec.fixtures.ts';
import { createLog } from '../kit/log.ts';
import { calls, type AnyCall } from './calls.ts';
import { PROTOCOL_VERSION } from './enrolment.ts';
import { serveDriver } from './host.ts';
import { connectDriver } from './remote.ts';

type Recorded = { version: number; calls: Record<string, AnyCall['takes']> };

/** As the last release spoke: written again when a release is made, never to make a test pass. */
const recorded = JSON.parse(await readFile(new URL('./calls.recorded.json', import.meta.url), 'utf8')) as Recorded;

test('a host answers every call of the version that was recorded, in the shape that it had (FAILURES 28)', async (t) => {
  const { socketPath } = await served(t);

  for (const [call, takes] of Object.entries(recorded.calls)) {
    // Of another shape than the call takes: a host that knows it says which one that is, and does nothing.
    const { status, text } = await post(socketPath, `/${call.replace('.', '/')}`, takes === 'list' ? {} : []);
    assert.deepEqual([status, text.includes(`${call} takes ${takes}`)], [422, true], `${call}: ${text}`);
  }
  assert.ok(Object.keys(recorded.calls).length > 20);
  assert.ok(Math.abs(PROTOCOL_VERSION - recorded.version) <= 1, 'record the version of the last release');
});

test('calls that the recorded version has not come with a new version', () => {
  const now = Object.entries(calls).flatMap(([part, methods]) => Object.keys(methods).map((method) => `${part}.${method}`));

  const added = now.filter((call) => !(call in recorded.calls));

  assert.ok(added.length === 0 || PROTOCOL_VERSION > recorded.version, `${added.join(', ')}: raise PROTOCOL_VERSION`);
});

test('a host that does not know a call refuses it as invalid, and leaves alone fields that it does not know', async (t) => {
  const { socketPath, images } = await served(t);
  const driver = connectDriver({ socketPath });
  t.after(() => driver.close());
  const [host] = await driver.hosts.list();
  const spec = serverOf(host!.id, images[0]);

  const later = { ...spec, fieldOfALaterVersion: { some: 'thing' } };
  const { id, power } = await driver.servers.ensure(later);
  const unknown = await post(socketPath, '/servers/callOfALaterVersion', { id });

  assert.deepEqual([id, power], [spec.id, 'running']);
  assert.deepEqual([unknown.status, (JSON.parse(unknown.text) as { error: { kind: DriverError['kind'] } }).error.kind], [404, 'invalid']);
});

async function served(t: Parameters<typeof simulatedFixture>[0]) {
  const region = await simulatedFixture(t);
  const socketPath = join(region.folder, 'agent.sock');
  const { close } = await serveDriver(region.driver, { socketPath, log: createLog({ name: 'agent', level: 'silent' }) });
  t.after(() => close());
  return { ...region, socketPath };
}

function post(socketPath: string, path: string, body: unknown): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method: 'POST', path, headers: { connection: 'close' } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.once('error', reject);
    asked.end(JSON.stringify(body));
  });
}
