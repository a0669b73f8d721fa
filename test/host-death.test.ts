/** Hosts that die, or that only cannot be heard: how soon it is known, and by whom. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { findHost, isAlive, listHosts } from '../services/placement/hosts.ts';
import { observeHosts } from '../services/placement/placement.ts';
import { regionWithGate, until } from './joined-hosts.ts';

const scope = { kind: 'system', reason: 'a test looks' } as const;
type Region = Awaited<ReturnType<typeof regionWithGate>>;

test('a host that falls silent is down within three seconds and some, and up again when it is heard', async (t) => {
  const region = await regionWithGate(t);
  const wire = await wireTo(t, region.address);
  const identity = await region.enrol(await region.invite('rack-1'));
  await region.run(identity, { via: wire.address });
  await until(() => region.isConnected(identity.hostId));
  await observeHosts(region);
  assert.equal(await isUp(region, identity.hostId), true);

  const cutAt = performance.now();
  wire.hold();
  await until(async () => !(await isUp(region, identity.hostId)));
  const tookMs = performance.now() - cutAt;

  // A ping may just have been answered, and this machine is busy.
  assert.ok(tookMs > 1_000 && tookMs < 4_500, `it took ${tookMs} ms`);
  await observeHosts(region);
  assert.equal(await isUp(region, identity.hostId), false, 'no report of others changes that');
  wire.letGo();
  await until(() => isUp(region, identity.hostId));
});

test('a gate that opens waits for the hosts of the one before it, and tells who has not come back', async (t) => {
  const region = await regionWithGate(t);
  const [stays, dies] = [await region.enrol(await region.invite('stays')), await region.enrol(await region.invite('dies'))];
  const running = await Promise.all([region.run(stays), region.run(dies)]);
  await until(() => [stays, dies].every(({ hostId }) => region.isConnected(hostId)));
  await observeHosts(region);

  const reopening = region.reopenGate(1_500);
  await running[1]!.stop();
  await reopening;
  assert.deepEqual([await isUp(region, stays.hostId), await isUp(region, dies.hostId)], [true, true], 'a gate that ends declares nobody dead');

  await until(async () => !(await isUp(region, dies.hostId)));
  assert.equal(await isUp(region, stays.hostId), true);
});

test('of a host that was never seen nothing is told', async (t) => {
  const region = await regionWithGate(t);
  await region.invite('rack-1');
  await region.reopenGate(0);
  await observeHosts(region);

  assert.deepEqual((await region.database.read(scope, listHosts)).map(({ hostname, goneAt }) => [hostname, goneAt]), [['host-1', null]]);
});

async function isUp({ database, clock }: Region, id: string): Promise<boolean> {
  const host = await database.read(scope, (tx) => findHost(tx, id));
  return host !== undefined && isAlive(host, clock.now());
}

/** A way to the gate on which nothing arrives while it is held, and nobody is told. */
async function wireTo(t: TestContext, to: { host: string; port: number }) {
  const sockets = new Set<Socket>();
  let isHeld = false;
  const server = createServer((near) => {
    const far = connect(to);
    for (const [from, into] of [[near, far], [far, near]] as const) {
      sockets.add(from);
      from.on('data', (bytes) => void (isHeld || into.write(bytes)));
      from.on('error', () => into.destroy());
      from.on('close', () => (sockets.delete(from), into.destroy()));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    hold: () => void (isHeld = true),
    letGo() {
      isHeld = false;
      for (const socket of sockets) socket.destroy();
    },
  };
}
