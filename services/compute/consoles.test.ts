/** Screens and serial lines, through the door and back. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import WebSocket, { createWebSocketStream } from 'ws';
import { compute } from '../../contract/compute/service.ts';
import { compareVersions } from '../../contract/contract.ts';
import { manualClock } from '../../kit/clock.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';

async function withServer(t: TestContext) {
  const clock = manualClock(new Date(Math.floor(Date.now() / 1000) * 1000));
  const cloud = await startCloud(t, { clock });
  const { alice, imageId } = cloud;
  const made = (await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId, networks: [] } } })).body;
  assert.ok('server' in made);
  await cloud.settle();
  const address = await cloud.door.listen({ host: '127.0.0.1', port: 0 });
  /** As links name it, and where it is. */
  const at = (url: string) => url.replace(/^(https?|wss?):\/\/cloud\.example/, (_, scheme: string) => address.replace('http', scheme));
  return { cloud, clock, alice, serverId: made.server.id, at };
}

async function viewOf({ alice }: TestCloud, serverId: string, protocol: 'vnc' | 'serial'): Promise<string> {
  const { body } = await alice.compute.serverConsoles.create({ params: { server_id: serverId }, body: { remote_console: { protocol, type: protocol === 'vnc' ? 'novnc' : 'serial' } } });
  return body.remote_console.url;
}

/** As noVNC makes it of the page's own. */
function streamOf(page: string): string {
  const url = new URL(page);
  return `${url.origin.replace('http', 'ws')}/${url.searchParams.get('path')}`;
}

async function refusedWith(client: WebSocket): Promise<number | undefined> {
  const [error] = (await once(client, 'error')) as [Error];
  const [, status] = /server response: (\d+)/.exec(error.message) ?? [];
  return status === undefined ? undefined : Number(status);
}

test('the page of a screen is found at its address, with all that it needs, and shows what the machine shows', async (t) => {
  const { cloud, serverId, at } = await withServer(t);
  const url = at(await viewOf(cloud, serverId, 'vnc'));

  const page = await fetch(url);
  assert.deepEqual([page.status, page.headers.get('referrer-policy')], [200, 'no-referrer']);
  assert.match(await page.text(), /<html.*>[\s\S]*noVNC[\s\S]*<script[\s\S]*<\/html>/);
  for (const part of ['vnc.js', 'console.css', 'novnc/core/rfb.js', 'serial.html', 'serial.js', 'xterm/xterm.mjs', 'xterm/xterm.css']) assert.equal((await fetch(new URL(part, url))).status, 200, part);
  assert.equal((await fetch(new URL('novnc/../../../package.json', url))).status, 404);

  const screen = createWebSocketStream(new WebSocket(streamOf(url), ['binary']));
  const [version] = (await once(screen, 'data')) as [Buffer];
  assert.equal(version.toString(), 'RFB 003.008\n');
  screen.destroy();
});

test('a serial line is typed at, and ends with the machine', async (t) => {
  const { cloud, alice, serverId, at } = await withServer(t);
  const client = new WebSocket(at(await viewOf(cloud, serverId, 'serial')));
  const line = createWebSocketStream(client);
  const [prompt] = (await once(line, 'data')) as [Buffer];
  assert.match(prompt.toString(), /login: $/);
  line.write('root');
  assert.equal(String((await once(line, 'data'))[0]), 'root');

  const closed = once(client, 'close');
  await alice.compute.serverActions.stop({ params: { server_id: serverId }, body: { 'os-stop': null } });
  await cloud.settle();
  await closed;
});

test('a token opens one console once, until it is too old, and for no page of somebody else (ATTACKS 24)', async (t) => {
  const { cloud, clock, alice, serverId, at } = await withServer(t);
  const address = at(await viewOf(cloud, serverId, 'serial'));
  assert.equal(await refusedWith(new WebSocket(address, { origin: 'http://elsewhere.example' })), 403);
  assert.equal(await refusedWith(new WebSocket(address.replace('token=', 'token=x'))), 403);
  assert.equal(await refusedWith(new WebSocket(address.replace('stream', 'other'))), 404);
  const first = new WebSocket(address, { origin: 'http://cloud.example' });
  await once(first, 'open');
  assert.equal(await refusedWith(new WebSocket(address)), 403);
  first.terminate();

  const old = at(await viewOf(cloud, serverId, 'serial'));
  clock.advance(601_000);
  assert.equal(await refusedWith(new WebSocket(old)), 403);

  const stale = at(await viewOf(cloud, serverId, 'serial'));
  await alice.compute.servers.delete({ params: { server_id: serverId } });
  await cloud.settle();
  assert.ok([403, 409].includes((await refusedWith(new WebSocket(stale)))!));
});

test('consoles are had by the server’s own project, of the kinds that there are', async (t) => {
  const { cloud, alice, serverId } = await withServer(t);
  const params = { server_id: serverId };
  await assert.rejects(cloud.bob.compute.serverConsoles.create({ params, body: { remote_console: { protocol: 'vnc', type: 'novnc' } } }), { status: 404 });
  await assert.rejects(cloud.reader.compute.serverConsoles.create({ params, body: { remote_console: { protocol: 'vnc', type: 'novnc' } } }), { status: 403 });
  await assert.rejects(alice.compute.serverConsoles.create({ params, body: { remote_console: { protocol: 'spice', type: 'spice-html5' } } }), { status: 400 });
  await assert.rejects(alice.compute.serverConsoles.create({ params, body: { remote_console: { protocol: 'vnc', type: 'serial' } } }), { status: 400 });

});

test('an administrator learns what a token would open, as long as it would', { skip: compareVersions(compute.microversions.max, '2.31') < 0 && 'offered from 2.31 on' }, async (t) => {
  const { cloud, serverId } = await withServer(t);
  const token = new URL(await viewOf(cloud, serverId, 'serial')).searchParams.get('token')!;
  const { console: shown } = (await cloud.admin.compute.consoleTokens.show({ params: { console_token: token } })).body;
  assert.deepEqual([shown.instance_uuid, shown.host, shown.port], [serverId, 'cloud.example', 80]);
  await assert.rejects(cloud.admin.compute.consoleTokens.show({ params: { console_token: 'unknown' } }), { status: 404 });
});
