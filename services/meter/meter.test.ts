import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { manualClock } from '../../kit/clock.ts';
import { emit } from '../../kit/events/events.ts';
import type { Database } from '../../kit/postgres/database.ts';
import { testDatabase } from '../../kit/postgres/testing.ts';
import { listRecords, sumRecords, takeUsage, type UsageBatch } from '../metering/usage.ts';
import { meterInvariants } from './meter.invariants.ts';
import { meterEvents, meterHour } from './meters.ts';
import { uploadUsage, type UsageLink } from './upload.ts';

const system = { kind: 'system', reason: 'test' } as const;
const directory = (service: string) => fileURLToPath(new URL(`../${service}/schema/`, import.meta.url));
const small = { name: 'small', vcpus: 2, memoryMiB: 2048, diskGiB: 10 };

/** A region with a meter, a home, and the way between them, which can break. */
async function startMeter(t: TestContext) {
  const [region, home] = [await testDatabase(t, { migrations: ['quota', 'meter'].map((service) => ({ service, directory: directory(service) })) }), await testDatabase(t, { migrations: [{ service: 'metering', directory: directory('metering') }] })];
  const clock = manualClock(new Date('2026-03-01T10:00:00Z'));
  const broken = { before: false, after: false };
  const put = (batch: UsageBatch) => home.database.transaction(system, (tx) => takeUsage(tx, { region: 'one', batch, now: clock.now(), domainsOf: () => Promise.resolve(new Map([['A', 'domain-a']])) }));
  const link: UsageLink = {
    async put(_, batch) {
      if (broken.before) throw new Error('home cannot be reached');
      const next = await put(batch);
      if (broken.after) throw new Error('home took it, and the answer was lost');
      return { next };
    },
  };
  const parts = { database: region.database, clock };
  return {
    clock,
    broken,
    put,
    region: region.database,
    home: home.database,
    server: (id: string, status: string, projectId = 'A') =>
      region.database.transaction(system, (tx) =>
        emit(tx, clock, { type: status === 'DELETED' ? 'server.delete.end' : 'server.update', resource: 'server', resourceId: id, projectId, payload: { status, flavor: small } }),
      ),
    meter: () => meterEvents(parts),
    /** Another process of the region that meters too. */
    other: { ...parts, database: region.open() },
    hour: () => meterHour(parts),
    upload: () => uploadUsage({ database: region.database, region: 'one', link }),
    findings: () => meterInvariants({ database: region.database, region: 'one' })[0]!.check(),
  };
}

const month = { from: new Date('2026-03-01T00:00:00Z'), until: new Date('2026-04-01T00:00:00Z') };
const summed = async (home: Database) => (await home.read(system, (tx) => sumRecords(tx, month))).map(({ state, durationMs }) => [state, durationMs / 1000]);

test('every change of state becomes one record, with the state before, the state after and how long it lasted', async (t) => {
  const { clock, server, meter, upload, home } = await startMeter(t);
  await server('s1', 'BUILD');
  clock.advance(5_000);
  await server('s1', 'ACTIVE');
  clock.advance(3 * 3_600_000);
  await server('s1', 'DELETED');

  await meter();
  await upload();

  const records = await home.read(system, (tx) => listRecords(tx, month, { limit: 100 }));
  assert.deepEqual(
    records.map(({ sequence, previous, current, from, until, eventId }) => [sequence, previous, current, from.toISOString().slice(11, 19), until.toISOString().slice(11, 19), eventId !== null]),
    [
      [1, null, 'BUILD', '10:00:00', '10:00:00', true],
      [2, 'BUILD', 'ACTIVE', '10:00:00', '10:00:05', true],
      [3, 'ACTIVE', 'ACTIVE', '10:00:05', '11:00:00', false],
      [4, 'ACTIVE', 'ACTIVE', '11:00:00', '12:00:00', false],
      [5, 'ACTIVE', 'ACTIVE', '12:00:00', '13:00:00', false],
      [6, 'ACTIVE', null, '13:00:00', '13:00:05', true],
    ],
  );
  assert.deepEqual(records[0]?.measures, { servers: 1, vcpus: 2, memoryMiB: 2048, diskGiB: 10 });
  assert.deepEqual(await summed(home), [['ACTIVE', 10_800], ['BUILD', 5]]);
});

test('what lasts is counted at the end of each hour, once, and home knows that the hour is whole', async (t) => {
  const { clock, server, meter, hour, upload, home, findings } = await startMeter(t);
  await server('s1', 'ACTIVE');
  await meter();
  clock.advance(3_600_000 + 180_000);

  await hour();
  await hour();
  await upload();

  assert.deepEqual(await summed(home), [['ACTIVE', 3_600]]);
  const { rows } = await home.read(system, async (tx) => ({ rows: await tx.rows<{ through: Date }>`select through from metering.region` }));
  assert.deepEqual(rows, [{ through: new Date('2026-03-01T11:00:00Z') }]);
  assert.deepEqual(await findings(), []);
});

test('usage waits while home is away and counts once when the answer was lost', async (t) => {
  const { clock, server, meter, upload, home, broken, region, findings } = await startMeter(t);
  await server('s1', 'ACTIVE');
  await meter();
  broken.before = true;
  await assert.rejects(upload(), /cannot be reached/);
  clock.advance(60_000);
  await server('s1', 'DELETED');
  await meter();
  assert.deepEqual(await findings(), []);
  broken.before = false;
  broken.after = true;
  await assert.rejects(upload(), /answer was lost/);
  broken.after = false;

  assert.equal(await upload(), 2);

  assert.deepEqual(await summed(home), [['ACTIVE', 60]]);
  assert.deepEqual(await region.read(system, (tx) => tx.rows`select first_sequence from meter.page`), []);
});

test('a gap is refused with the number that is expected', async (t) => {
  const { put } = await startMeter(t);
  const record = { resource_id: 's', project_id: 'A', shape: 0, previous: null, current: 'ACTIVE', from: '2026-03-01T09:00:00Z', until: '2026-03-01T09:00:00Z', event: 1 };
  const batch = { through: null, shapes: [{ resource: 'server' as const, flavor: 'f', measures: { servers: 1 } }] };

  await assert.rejects(put({ ...batch, first: 2, records: [record] }), { status: 409, code: 'gap', message: /1 is expected/ });

  assert.equal(await put({ ...batch, first: 1, records: [record, record] }), 3);
  assert.equal(await put({ ...batch, first: 2, records: [record, record] }), 4);
});

test('a record of more than one hour, and one of next year, are refused', async (t) => {
  const { put, home } = await startMeter(t);
  const batch = (from: string, until: string) => ({ first: 1, through: null, shapes: [{ resource: 'server' as const, flavor: 'f', measures: { servers: 1 } }], records: [{ resource_id: 's', project_id: 'A', shape: 0, previous: 'ACTIVE', current: null, from, until, event: 1 }] });

  await assert.rejects(put(batch('2026-03-01T08:30:00Z', '2026-03-01T09:30:00Z')), { status: 400 });
  await assert.rejects(put(batch('2027-03-01T08:30:00Z', '2027-03-01T08:40:00Z')), { status: 400 });

  assert.deepEqual(await summed(home), []);
});

test('what was told is never changed', async (t) => {
  const { server, meter, upload, home } = await startMeter(t);
  await server('s1', 'ACTIVE');
  await meter();
  await upload();

  await assert.rejects(home.transaction(system, (tx) => tx.run`update metering.record set until_at = until_at + interval '1 hour'`), /never changed/);
  await assert.rejects(home.transaction(system, (tx) => tx.run`delete from metering.record`), /never changed/);
});

test('a volume that is handed to another project ends for the one and begins for the other', async (t) => {
  const { clock, region, meter, upload, home } = await startMeter(t);
  const volume = (type: string, projectId: string, status: string) => region.transaction(system, (tx) => emit(tx, clock, { type, resource: 'volume', resourceId: 'v', projectId, payload: { status, sizeGiB: 10, typeName: 'fast' } }));
  await volume('volume.create.end', 'A', 'available');
  clock.advance(60_000);
  await volume('volume.transfer.accept.end', 'A', 'available');
  await volume('volume.transfer.accept.end', 'B', 'available');
  clock.advance(30_000);
  await volume('volume.delete.end', 'B', 'deleted');

  await meter();
  await upload();

  const sums = await home.read(system, (tx) => sumRecords(tx, month));
  assert.deepEqual(sums.map(({ projectId, flavor, durationMs, measures }) => [projectId, flavor, durationMs / 1000, measures['GiB']]), [['A', 'fast', 60, 10], ['B', 'fast', 30, 10]]);
});

test('of two processes that meter in turn neither goes by what it remembers of a thing that the other has changed', async (t) => {
  const { clock, server, meter, other, upload, home } = await startMeter(t);
  for (const [index, state] of ['BUILD', 'ACTIVE', 'SHUTOFF', 'ACTIVE', 'DELETED', 'ACTIVE', 'DELETED'].entries()) {
    await server('s1', state);
    await (index % 3 === 1 ? meterEvents(other) : meter());
    clock.advance(60_000);
  }
  await upload();

  const records = await home.read(system, (tx) => listRecords(tx, month, { limit: 100 }));
  assert.deepEqual(records.map(({ previous, current }) => [previous, current]), [[null, 'BUILD'], ['BUILD', 'ACTIVE'], ['ACTIVE', 'SHUTOFF'], ['SHUTOFF', 'ACTIVE'], ['ACTIVE', null], [null, 'ACTIVE'], ['ACTIVE', null]]);
  assert.deepEqual(Object.fromEntries(await summed(home)), { ACTIVE: 180, BUILD: 60, SHUTOFF: 60 });
});

test('an event that cannot be recorded holds up nobody but its own thing', async (t) => {
  const { clock, region, server, meter, upload, home } = await startMeter(t);
  await server('s1', 'ACTIVE');
  await region.transaction(system, (tx) => tx.run`alter table meter.running add constraint no_s2 check (resource_id <> 's2')`);
  await server('s2', 'ACTIVE');
  await server('s3', 'ACTIVE');
  await meter();
  await region.transaction(system, (tx) => tx.run`alter table meter.running drop constraint no_s2`);
  clock.advance(120_000);
  await server('s2', 'DELETED');

  await meter();
  await upload();

  assert.deepEqual((await home.read(system, (tx) => listRecords(tx, month, { limit: 10 }))).map(({ resourceId, current }) => [resourceId, current]), [['s1', 'ACTIVE'], ['s3', 'ACTIVE'], ['s2', 'ACTIVE'], ['s2', null]]);
});
