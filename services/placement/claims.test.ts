import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import type { HostReport } from '../../drivers/driver.ts';
import type { Database } from '../../kit/postgres/database.ts';
import { testDatabase } from '../../kit/postgres/testing.ts';
import { moveClaim, NoValidHost, registerHosts, releaseClaim, type ClaimWish } from './claims.ts';
import { claimInvariants } from './claims.invariants.ts';
import { inventoryOf, listHosts } from './hosts.ts';
import { schemaDirectory } from './placement.ts';
import { replay } from './scheduler/decisions.ts';
import { selectDecisions } from './scheduler/decisions.store.ts';
import { createScheduler, type Scheduler } from './scheduler/scheduler.ts';

const scope = { kind: 'system', reason: 'test' } as const;
const now = new Date('2026-05-01T10:00:00Z');
const needs = { vcpus: 1, memoryMiB: 512, diskGiB: 1, projectId: 'project', now };

test('two hundred who ask at once get what there is, and no host is filled beyond it', async (t) => {
  const database = await withHosts(t, [host('a', 2048), host('b', 1024)]);
  const scheduler = createScheduler();

  const replies = await Promise.allSettled(Array.from({ length: 200 }, (_, index) => database.transaction(scope, (tx) => scheduler.claimHost(tx, { ...needs, consumerId: `server-${index}` }))));

  const refused = replies.filter((reply) => reply.status === 'rejected');
  assert.equal(replies.length - refused.length, 6);
  assert.ok(refused.every(({ reason }) => reason instanceof NoValidHost), String(refused.find(({ reason }) => !(reason instanceof NoValidHost))?.reason));
  assert.deepEqual(await usedMemory(database), [2048, 1024]);
  assert.deepEqual(await claimInvariants(database)[0]?.check(), []);
});

test('a claim is made once, grows only into room, and is given back whole', async (t) => {
  const database = await withHosts(t, [host('a', 1024)]);
  const claim = claimer(database, {});

  assert.deepEqual([await claim(), await claim()], ['a', 'a']);
  await assert.rejects(database.transaction(scope, (tx) => moveClaim(tx, { ...needs, consumerId: 'server', memoryMiB: 2048 })), NoValidHost);
  assert.deepEqual(await usedMemory(database), [512]);
  await database.transaction(scope, (tx) => moveClaim(tx, { ...needs, consumerId: 'server', memoryMiB: 1024, diskGiB: 0 }));
  assert.deepEqual(await usedMemory(database), [1024]);
  await database.transaction(scope, (tx) => releaseClaim(tx, 'server', needs.now));
  assert.deepEqual(await usedMemory(database), [0]);
  assert.deepEqual(await claimInvariants(database)[0]?.check(), []);
});

test('a host that is silent, disabled or was tried gets nothing, and one that shrinks keeps what it has (FAILURES 12)', async (t) => {
  const database = await withHosts(t, [host('a', 1024)]);
  const claim = claimer(database, {});

  await assert.rejects(claim({ exclude: ['a'] }), NoValidHost);
  await assert.rejects(claim({ availabilityZone: 'elsewhere' }), NoValidHost);
  await assert.rejects(claim({ now: new Date(now.getTime() + 61_000) }), NoValidHost);
  assert.equal(await claim({}), 'a');
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
  const claim = claimer(database, { memoryMiB: 1024 });

  assert.equal(await claim({ consumerId: 'one', extraSpecs: { 'trait:HW_CPU_X86_AVX': 'required', 'aggregate_instance_extra_specs:ssd': 'true' } }), 'b');
  assert.equal(await claim({ consumerId: 'two', extraSpecs: { 'trait:HW_CPU_X86_AVX': 'forbidden' } }), 'c');
  await assert.rejects(
    claim({ consumerId: 'three', extraSpecs: { 'aggregate_instance_extra_specs:ssd': 'true' } }),
    /Of 3 hosts, 3 are in service \(ComputeFilter\), 2 of these are in groups for such flavors \(AggregateInstanceExtraSpecsFilter\), 2 of these have room for 1 of DISK_GB \(Room\), 0 of these have room for 1024 of MEMORY_MB \(Room\), 0 of these have room for 1 of VCPU \(Room\)\.$/,
  );
});

test('two schedulers side by side give no host twice, and each sees what the other has given', async (t) => {
  const hosts = Array.from({ length: 20 }, (_, index) => host(`h${index}`, 1024));
  const database = await withHosts(t, hosts);
  const schedulers = [createScheduler(), createScheduler()];

  const replies = await Promise.allSettled(Array.from({ length: 60 }, (_, index) => database.transaction(scope, (tx) => schedulers[index % 2]!.claimHost(tx, { ...needs, consumerId: `server-${index}` }))));

  assert.equal(replies.filter(({ status }) => status === 'fulfilled').length, 40);
  assert.deepEqual(new Set(await usedMemory(database)), new Set([1024]));
  for (const scheduler of schedulers) await assert.rejects(database.transaction(scope, (tx) => scheduler.claimHost(tx, { ...needs, consumerId: 'late' })), NoValidHost);
  await database.transaction(scope, (tx) => releaseClaim(tx, 'server-0', now));
  assert.ok((await database.transaction(scope, (tx) => schedulers[1]!.claimHost(tx, { ...needs, consumerId: 'late' }))).hostId);
  assert.deepEqual(await claimInvariants(database)[0]?.check(), []);
});

test('what was claimed in a transaction that came to nothing is free again', async (t) => {
  const database = await withHosts(t, [host('a', 512)]);
  const scheduler = createScheduler();
  const claim = (consumerId: string) => database.transaction(scope, (tx) => scheduler.claimHost(tx, { ...needs, consumerId }));
  await claim('first');

  await assert.rejects(
    database.transaction(scope, async (tx) => {
      await releaseClaim(tx, 'first', now);
      await scheduler.claimHost(tx, { ...needs, consumerId: 'second' });
      throw new Error('given up');
    }),
    /given up/,
  );

  await assert.rejects(claim('third'), NoValidHost);
  await database.transaction(scope, (tx) => releaseClaim(tx, 'first', now));
  assert.equal((await claim('third')).hostId, 'a');
});

test('a decision can be taken again from what was kept of it', async (t) => {
  const database = await withHosts(t, Array.from({ length: 30 }, (_, index) => host(`h${index}`, 1024 * (1 + (index % 7)))));
  const scheduler = createScheduler();
  const chosen: string[] = [];
  for (let index = 0; index < 25; index++) chosen.push((await database.transaction(scope, (tx) => scheduler.claimHost(tx, { ...needs, consumerId: `server-${index}` }))).hostId);

  const again = await database.read(scope, async (tx) => Promise.all(chosen.map(async (_, index) => replay((await selectDecisions(tx, `server-${index}`, 1))[0]!.record))));

  assert.deepEqual(again, chosen);
  assert.ok(new Set(chosen).size > 5, String(chosen));
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

/** Claims for `server`, unless told. */
function claimer(database: Database, usual: Partial<ClaimWish>): (more?: Partial<ClaimWish>) => Promise<string> {
  const scheduler: Scheduler = createScheduler();
  return async (more = {}) => (await database.transaction(scope, (tx) => scheduler.claimHost(tx, { ...needs, consumerId: 'server', ...usual, ...more }))).hostId;
}

async function usedMemory(database: Database): Promise<number[]> {
  return (await database.read(scope, listHosts)).map((each) => inventoryOf(each, 'MEMORY_MB').used);
}
