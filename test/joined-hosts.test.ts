/** Hosts on other machines: how they join, what they may speak of, and what becomes of their servers. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connect, createServer, type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { openSouthbound, readImage, sendCapture } from '../agent/dial.ts';
import { gateName, gatePath, HOST_PROTOCOL, PROTOCOL_HEADER, PROTOCOL_VERSION, type HostIdentity } from '../agent/enrolment.ts';
import { joinRegion } from '../agent/joining.ts';
import { carrySouthbound } from '../agent/southbound.ts';
import { contentDigest } from '../drivers/driver.fixtures.ts';
import type { Driver } from '../drivers/driver.ts';
import { groupSpec, networkSpec, nicOf, portOn, serverOf } from '../drivers/spec.fixtures.ts';
import { issueCertificate, makeAuthority, makeKeys } from '../kit/authority.ts';
import { createLog } from '../kit/log.ts';
import { reconcile } from '../services/compute/reconcile.ts';
import { startCloud } from './cloud.ts';
import { regionWithGate, until } from './joined-hosts.ts';

test('a machine joins by its token, once, and is a host by its key and nothing else (FAILURES 29)', async (t) => {
  const region = await regionWithGate(t);
  const token = await region.invite('rack-1');
  const key = makeKeys().key;

  const { name, region: joined, identity } = await joinRegion({ gate: region.address, token, key });

  assert.deepEqual([name, joined], ['rack-1', 'RegionOne']);
  await assert.rejects(region.enrol(token), /This token is not valid/, 'another key');
  assert.equal((await region.enrol(token, key)).hostId, identity.hostId, 'the same key: the answer may have been lost');
  await region.run(identity);
  await until(() => region.isConnected(identity.hostId));
  assert.deepEqual((await region.driver.hosts.list()).map(({ id, hostname }) => [id === identity.hostId, hostname]), [[false, 'host-1'], [true, 'rack-1']]);
  await assert.rejects(region.enrol(token, key), /This token is not valid/, 'it has come');
});

test('a token is good for an hour, for its host, and at the gate that it is for', async (t) => {
  const region = await regionWithGate(t);
  const token = await region.invite('rack-1');
  const other = await region.invite('rack-2');

  await assert.rejects(region.enrol({ ...token, hostId: other.hostId }), /This token is not valid/);
  await assert.rejects(region.enrol({ ...token, authority: Buffer.alloc(32).toString('base64url') }), /is not the gate that the token is for/);
  region.clock.advance(3_600_001);
  await assert.rejects(region.enrol(token), /This token is not valid/);

  const again = await region.invite('rack-1');
  assert.equal(again.hostId, token.hostId);
  assert.equal((await region.enrol(again)).hostId, token.hostId);
  await assert.rejects(region.invite('rack-1'), /There is a host rack-1 already/);
});

test('nobody comes in without a certificate of the region, with one of another authority, or with one for another key', async (t) => {
  const region = await regionWithGate(t);
  const identity = await region.enrol(await region.invite('rack-1'));
  const keys = makeKeys();
  const foreign = await makeAuthority({ subject: 'CN=hosts of a test', now: region.clock.now(), years: 1 });
  const wish = { subject: `CN=${identity.hostId}`, use: 'client', publicKey: keys.publicKey, now: region.clock.now(), years: 1 } as const;
  const forged = await issueCertificate(foreign, wish);
  const misissued = await issueCertificate(region.authority, wish);
  const forServers = await issueCertificate(region.authority, { ...wish, use: 'server' });

  assert.equal(await knock(region.address, identity), 101);
  assert.equal(await knock(region.address, { authority: identity.authority }), 401);
  assert.equal(await knock(region.address, { ...identity, key: keys.key, certificate: forged }), 401);
  assert.equal(await knock(region.address, { ...identity, key: keys.key, certificate: forServers }), 401);
  assert.equal(await knock(region.address, { ...identity, key: keys.key, certificate: misissued }), 403, 'what counts is the key that is known');
});

test('a host is let in that is one version before the region or one after, and no further away', async (t) => {
  const region = await regionWithGate(t);
  const identity = await region.enrol(await region.invite('rack-1'));

  const answers = [];
  for (const apart of [-1, 0, 1, 2]) answers.push(await knock(region.address, identity, PROTOCOL_VERSION + apart));

  assert.deepEqual(answers, [101, 101, 101, 426]);
  assert.equal(region.said(/more than one version away/).length, 1);
});

test('servers run on hosts that joined, each with its image fetched from the region, and are captured back into it', async (t) => {
  const region = await regionWithGate(t);
  const identity = await region.enrol(await region.invite('rack-1'));
  const { own } = await region.run(identity);
  await until(() => region.isConnected(identity.hostId));
  const spec = serverOf(identity.hostId, region.images[0]);

  const state = await region.driver.servers.ensure(spec);

  assert.deepEqual([state.power, state.hostId], ['running', identity.hostId]);
  assert.deepEqual((await own.servers.list()).map(({ id }) => id), [spec.id]);
  assert.deepEqual((await region.driver.servers.list()).map(({ id, hostId, power }) => [id, hostId, power]), [[spec.id, identity.hostId, 'running']]);
  assert.match(await region.driver.servers.consoleLog({ id: spec.id, hostId: identity.hostId }), /login/);
  own.simulation.writeToServer(spec.id, 4096, Buffer.from('written by the guest'));
  const captured = await region.driver.servers.capture({ id: spec.id, hostId: identity.hostId, upload: 'snapshot-1' });
  const path = region.blobs.incomingPath('snapshot-1');
  assert.equal(captured.sizeBytes, (await readFile(path)).length);
  assert.notEqual(await contentDigest(path, 'qcow2'), await contentDigest(await region.blobs.path(region.images[0].sha256), 'raw'));
  const console = await region.driver.consoles.open({ serverId: spec.id, hostId: identity.hostId, kind: 'serial' });
  console.destroy();
  await region.driver.servers.remove({ id: spec.id, hostId: identity.hostId, generation: 2 });
  assert.deepEqual(await region.driver.servers.list(), []);
  assert.deepEqual(await region.ledger.of(identity.hostId), []);
});

test('a host that is away is not asked for what it has: its servers are neither there nor gone, and go on when it is back (FAILURES 40)', async (t) => {
  const region = await regionWithGate(t);
  const identity = await region.enrol(await region.invite('rack-1'));
  const { stop } = await region.run(identity);
  await until(() => region.isConnected(identity.hostId));
  const [here, there] = [serverOf((await region.first.hosts.list())[0]!.id, region.images[0]), serverOf(identity.hostId, region.images[1])];
  await Promise.all([region.driver.servers.ensure(here), region.driver.servers.ensure(there)]);
  const powers = async () => Object.fromEntries((await region.driver.servers.list()).map(({ id, power }) => [id, power]));

  await stop();
  await until(() => !region.isConnected(identity.hostId));

  assert.deepEqual(await powers(), { [here.id]: 'running', [there.id]: 'unknown' });
  assert.deepEqual((await region.driver.hosts.list()).map(({ id }) => id), [here.hostId]);
  await assert.rejects(region.driver.servers.ensure({ ...there, generation: 2 }), { kind: 'unavailable', message: 'Host rack-1 is not connected' });
  await region.reopenGate();
  assert.deepEqual(await powers(), { [here.id]: 'running', [there.id]: 'unknown' }, 'also for a gate that never saw it');
  await region.run(identity);
  await until(() => region.isConnected(identity.hostId));
  assert.deepEqual(await powers(), { [here.id]: 'running', [there.id]: 'running' });
});

test('hosts come back by themselves when the gate was away', async (t) => {
  const region = await regionWithGate(t);
  const identities = await Promise.all(['rack-1', 'rack-2', 'rack-3'].map(async (name) => region.enrol(await region.invite(name))));
  for (const identity of identities) await region.run(identity);
  await until(() => identities.every(({ hostId }) => region.isConnected(hostId)));

  await region.reopenGate();

  await until(() => identities.every(({ hostId }) => region.isConnected(hostId)));
  assert.equal((await region.driver.hosts.list()).length, 4);
});

test('a stolen key speaks for its own host only, and whoever is named besides is told to the operator (ATTACKS 41)', async (t) => {
  const region = await regionWithGate(t);
  const [honest, stolen] = [await region.enrol(await region.invite('honest')), await region.enrol(await region.invite('stolen'))];
  await region.run(honest);
  await until(() => region.isConnected(honest.hostId));
  const victim = { ...serverOf(honest.hostId, region.images[0]), nics: [nicOf(portOn(networkSpec(), groupSpec(), 5))] };
  await region.driver.servers.ensure(victim);
  const firstHost = (await region.first.hosts.list())[0]!;
  await region.run(stolen, {
    lie: (own) => ({
      ...own,
      hosts: { list: async () => (await own.hosts.list()).flatMap((report) => [{ ...report, hostname: firstHost.hostname, vcpus: 16 }, { ...report, id: honest.hostId }, { ...report, id: firstHost.id, vcpus: 8_000 }]) },
      networks: { ...own.networks, portsUp: async (ids) => ids },
      servers: {
        ...own.servers,
        list: async () => [
          { id: victim.id, hostId: honest.hostId, generation: 99, power: 'stopped', volumes: [], nics: [] },
          { id: victim.id, hostId: stolen.hostId, generation: 99, power: 'running', volumes: [], nics: [] },
        ],
      },
    }),
  });
  await until(() => region.isConnected(stolen.hostId));

  const hosts = await region.driver.hosts.list();
  const machines = await region.driver.servers.list();
  const up = await region.driver.networks.portsUp([randomUUID(), victim.nics[0]!.portId]);

  assert.deepEqual(hosts.map(({ id, hostname, vcpus }) => [id, hostname, vcpus]), [[firstHost.id, firstHost.hostname, 8], [honest.hostId, 'honest', 8], [stolen.hostId, 'stolen', 16]]);
  assert.deepEqual(machines.map(({ id, hostId, power }) => [id, hostId, power]), [[victim.id, honest.hostId, 'running']]);
  assert.deepEqual(up, [victim.nics[0]!.portId], 'its own host says so, and the other is not asked');
  assert.deepEqual(region.said(/speaks for others/).map(({ hostId, foreign }) => [hostId, foreign])[0], [stolen.hostId, [honest.hostId, firstHost.id]]);
  assert.deepEqual(region.said(/never given/).map(({ hostId, foreign }) => [hostId, foreign])[0], [stolen.hostId, [`${victim.id} on ${honest.hostId}`, `${victim.id} on ${stolen.hostId}`]]);
});

test('a stolen key reads no image and brings no capture but those that its host was just told to work with', async (t) => {
  const region = await regionWithGate(t);
  const stolen = await region.enrol(await region.invite('stolen'));
  const sha256 = region.images[0].sha256;

  await assert.rejects(readImage(region.address, stolen, sha256), { kind: 'failed' });
  await assert.rejects(sendCapture(region.address, stolen, 'snapshot-of-another', { bytes: Readable.from([Buffer.from('x')]), size: 1 }), { kind: 'failed' });

  assert.deepEqual(region.said(/not told to work with/).map(({ hostId, what }) => [hostId, what]), [[stolen.hostId, `the image ${sha256}`], [stolen.hostId, 'the upload snapshot-of-another']]);
  await assert.rejects(readFile(region.blobs.incomingPath('snapshot-of-another')), { code: 'ENOENT' });
});

test('a key that is taken back is worth nothing within seconds, and its host keeps its servers when it joins again', async (t) => {
  const region = await regionWithGate(t);
  const stolen = await region.enrol(await region.invite('rack-1'));
  const { stop } = await region.run(stolen, { name: 'machine' });
  await until(() => region.isConnected(stolen.hostId));
  const spec = serverOf(stolen.hostId, region.images[0]);
  await region.driver.servers.ensure(spec);

  const token = await region.renew(stolen.hostId);

  await until(() => !region.isConnected(stolen.hostId));
  assert.equal(await knock(region.address, stolen), 403);
  assert.ok(region.said(/is no host of this region any more, and is cut off/).length > 0);
  assert.deepEqual((await region.driver.servers.list()).map(({ id, power }) => [id, power]), [[spec.id, 'unknown']], 'nobody may take it for gone');
  await assert.rejects(region.driver.servers.remove({ id: spec.id, hostId: stolen.hostId, generation: 2 }), { kind: 'unavailable' });
  await stop();
  await region.run(await region.enrol(token), { name: 'machine' });
  await until(() => region.isConnected(stolen.hostId));
  assert.deepEqual((await region.driver.servers.list()).map(({ id, power }) => [id, power]), [[spec.id, 'running']]);
  await assert.rejects(region.remove(stolen.hostId), /Host rack-1 has 1 servers/);
  await region.driver.servers.remove({ id: spec.id, hostId: stolen.hostId, generation: 2 });
  await region.remove(stolen.hostId);
  await until(() => !region.isConnected(stolen.hostId));
  assert.deepEqual((await region.driver.hosts.list()).length, 1);
});

test('what cannot be had on a host that joined is refused in words', async (t) => {
  const region = await regionWithGate(t);
  const [one, two] = [await region.enrol(await region.invite('rack-1')), await region.enrol(await region.invite('rack-2'))];
  for (const identity of [one, two]) await region.run(identity);
  await until(() => [one, two].every(({ hostId }) => region.isConnected(hostId)));
  const firstHost = (await region.first.hosts.list())[0]!.id;
  const [onOne, onFirst] = [serverOf(one.hostId, region.images[0]), serverOf(firstHost, region.images[0])];
  await region.driver.servers.ensure(onOne);
  await region.driver.servers.ensure(onFirst);
  const volumeId = randomUUID();
  await region.driver.volumes.ensure({ id: volumeId, projectId: 'p', generation: 1, sizeGiB: 1, source: { kind: 'empty' } });

  const volumes = [{ volumeId, device: '/dev/vdb' }];
  await assert.rejects(region.driver.servers.ensure({ ...onOne, generation: 2, volumes }), { kind: 'exhausted', message: /files of the region's first machine, and host rack-1 cannot reach them/ });
  assert.deepEqual((await region.driver.servers.list()).map(({ id, hostId }) => [id, hostId]), [[onFirst.id, firstHost], [onOne.id, one.hostId]], 'as it was');
});

test('a server whose host is away is neither started anew nor given up, and a machine of a deleted one waits for its host', async (t) => {
  const { cloud, driver, alice, imageId, settle, rest, digest } = await startCloud(t, { hosts: 1 });
  const [stays, goes] = await Promise.all(['stays', 'goes'].map(async (name) => {
    const { body } = await alice.compute.servers.create({ body: { server: { name, flavorRef: '1', imageRef: imageId } } });
    return 'server' in body ? body.server.id : assert.fail();
  }));
  await settle();
  const machines = await driver.servers.list();
  assert.deepEqual(machines.map(({ id }) => id).toSorted(), [stays!, goes!].toSorted());
  await alice.compute.servers.delete({ params: { server_id: goes! } });
  await settle();
  await rest();
  const before = await digest();
  const away: Driver = { ...driver, servers: { ...driver.servers, list: async () => machines.map((machine) => ({ ...machine, power: 'unknown' })), remove: () => assert.fail('it is told something') } };

  await reconcile({ ...cloud.region, driver: away });

  assert.deepEqual(await digest(), before);
});

/** The status that the gate answers to somebody who wants to be called. */
function knock({ host, port }: { host: string; port: number }, { authority, certificate, key }: Partial<HostIdentity>, version: number = PROTOCOL_VERSION): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host, port, servername: gateName, ca: [authority!], ...(certificate && key ? { cert: certificate, key } : {}), agent: false, path: gatePath.agent, headers: { connection: 'Upgrade', upgrade: HOST_PROTOCOL, [PROTOCOL_HEADER]: version } });
    asked.once('response', (response) => (response.resume(), resolve(response.statusCode ?? 0)));
    asked.once('upgrade', (response, socket) => (socket.destroy(), resolve(response.statusCode ?? 0)));
    asked.once('error', reject);
    asked.end();
  });
}

test('what a host says to the southbound database goes by the gate, until its key is taken back', async (t) => {
  const database = createServer((socket) => void socket.on('error', () => undefined).pipe(socket));
  await new Promise<void>((resolve) => void database.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise<void>((resolve) => void database.close(() => resolve())));
  const region = await regionWithGate(t, { southboundPort: (database.address() as AddressInfo).port });
  const token = await region.invite('rack-1');
  const identity = await region.enrol(token);
  const way = await carrySouthbound({ port: 0, gate: region.address, identity, log: createLog({ name: 'host', level: 'silent' }) });
  t.after(() => way.stop());
  const asked = connect({ host: '127.0.0.1', port: way.port });
  const gone = once(asked, 'close');

  asked.write('as it was said');

  assert.equal(String((await once(asked, 'data'))[0]), 'as it was said');
  await region.renew(token.hostId);
  await gone;
  const refused = connect({ host: '127.0.0.1', port: way.port });
  await once(refused, 'close');
  assert.equal(region.said(/certificate of a host that is none any more/).length, 1);
});

test('a gate without a southbound database carries nobody there', async (t) => {
  const region = await regionWithGate(t);
  const identity = await region.enrol(await region.invite('rack-1'));

  await assert.rejects(openSouthbound(region.address, identity, AbortSignal.timeout(10_000)), /refused this host: 404/);
});
