import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import type { HostReport } from '../../drivers/driver.ts';
import type { Database } from '../../kit/postgres/database.ts';
import { testDatabase } from '../../kit/postgres/testing.ts';
import { claimHost, moveClaim, NoValidHost, registerHosts, releaseClaim } from './claims.ts';
import { claimInvariants } from './claims.invariants.ts';
import { inventoryOf, listHosts } from './hosts.ts';
import { schemaDirectory } from './placement.ts';

const scope = { kind: 'system', reason: 'test' } as const;
const now = new Date('2026-05-01T10:00:00Z');
const needs = { vcpus: 1, memoryMiB: 512, diskGiB: 1, projectId: 'project', now };

test('two hundred who ask at once get what there is, and no host is filled beyond it', async (t) => {
  const database = await withHosts(t, [host('a', 2048), host('b', 1024)]);

  const replies = await Promise.allSettled(Array.from({ length: 200 }, (_, index) => database.transaction(scope, (tx) => claimHost(tx, { ...needs, consumerId: `server-${index}` }))));

  const refused = replies.filter((reply) => reply.status === 'rejected');
  assert.equal(replies.length - refused.length, 6);
  assert.ok(refused.every(({ reason }) => reason instanceof NoValidHost), String(refused.find(({ reason }) => !(reason instanceof NoValidHost))?.reason));
  assert.deepEqual(await usedMemory(database), [2048, 1024]);
  assert.deepEqual(await claimInvariants(database)[0]?.check(), []);
});

test('a claim is made once, grows only into room, and is given back whole', async (t) => {
  const database = await withHosts(t, [host('a', 1024)]);
  const claim = () => database.transaction(scope, (tx) => claimHost(tx, { ...needs, consumerId: 'server' }));

  assert.deepEqual([await claim(), await claim()], [{ hostId: 'a' }, { hostId: 'a' }]);
  await assert.rejects(database.transaction(scope, (tx) => moveClaim(tx, { ...needs, consumerId: 'server', memoryMiB: 2048 })), NoValidHost);
  assert.deepEqual(await usedMemory(database), [512]);
  await database.transaction(scope, (tx) => moveClaim(tx, { ...needs, consumerId: 'server', memoryMiB: 1024, diskGiB: 0 }));
  assert.deepEqual(await usedMemory(database), [1024]);
  await database.transaction(scope, (tx) => releaseClaim(tx, 'server', needs.now));
  assert.deepEqual(await usedMemory(database), [0]);
  assert.deepEqual(await claimInvariants(database)[0]?.check(), []);
});

test('a host that is silent, disabled or was tried gets nothing, and one that shrinks keeps what it has', async (t) => {
  const database = await withHosts(t, [host('a', 1024)]);
  const claim = (more: object) => database.transaction(scope, (tx) => claimHost(tx, { ...needs, consumerId: 'server', ...more }));

  await assert.rejects(claim({ exclude: ['a'] }), NoValidHost);
  await assert.rejects(claim({ availabilityZone: 'elsewhere' }), NoValidHost);
  await assert.rejects(claim({ now: new Date(now.getTime() + 61_000) }), NoValidHost);
  assert.deepEqual(await claim({}), { hostId: 'a' });
  await database.transaction(scope, (tx) => registerHosts(tx, [host('a', 0)], now));

  assert.deepEqual(await usedMemory(database), [512]);
  await assert.rejects(claim({ consumerId: 'other' }), NoValidHost);
});

test('a flavor gets hosts with its traits, in groups for it, and a refusal says how many were left', async (t) => {
  const database = await withHosts(t, [host('a', 1024), host('b', 1024), host('c', 1024)]);
  await database.transaction(scope, async (tx) => {
    await tx.run`insert into placement.provider_trait (provider_id, trait) values ('a', 'HW_CPU_X86_AVX'), ('b', 'HW_CPU_X86_AVX')`;
    await tx.run`insert into placement.aggregate (id, name, metadata, created_at) values ('fast', 'fast', '{"ssd": "true"}', ${now})`;
    await tx.run`insert into placement.provider_aggregate (provider_id, aggregate_id) values ('b', 'fast'), ('c', 'fast')`;
  });
  const claim = (consumerId: string, extraSpecs: Record<string, string>) => database.transaction(scope, (tx) => claimHost(tx, { ...needs, consumerId, memoryMiB: 1024, extraSpecs }));

  assert.deepEqual(await claim('one', { 'trait:HW_CPU_X86_AVX': 'required', 'aggregate_instance_extra_specs:ssd': 'true' }), { hostId: 'b' });
  assert.deepEqual(await claim('two', { 'trait:HW_CPU_X86_AVX': 'forbidden' }), { hostId: 'c' });
  await assert.rejects(claim('three', { 'aggregate_instance_extra_specs:ssd': 'true' }), /Of 3 hosts, 3 are in service, 3 of these are where it was wanted, 2 of these are in groups for it, 2 of these have the traits, 2 of these were not tried yet or ruled out by its group, and none of these has the room/);
});

function host(id: string, memoryMiB: number): HostReport {
  // 512 MiB are kept for the host itself.
  return { id, hostname: `host-${id}`, hypervisorType: 'simulated', hypervisorVersion: 1, address: '198.18.0.1', cpuModel: 'simulated', architecture: 'x86_64', vcpus: 100, memoryMiB: memoryMiB + 512, diskGiB: 100, freeDiskGiB: 100 };
}

async function withHosts(t: Parameters<typeof testDatabase>[0], hosts: HostReport[]): Promise<Database> {
  const { database } = await testDatabase(t, { migrations: [{ service: 'placement', directory: fileURLToPath(schemaDirectory) }] });
  await database.transaction(scope, (tx) => registerHosts(tx, hosts, now));
  return database;
}

async function usedMemory(database: Database): Promise<number[]> {
  return (await database.read(scope, listHosts)).map((each) => inventoryOf(each, 'MEMORY_MB').used);
}
