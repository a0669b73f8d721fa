import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ManualClock } from '../../kit/clock.ts';
import { startCloud } from '../../test/cloud.ts';
import { observeHour } from './observed-meter.ts';

const hourMs = 3_600_000;

test('of a cloud that speaks OpenStack and meters nothing for us, an hour is counted by its own record', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  const clock = cloud.clock as ManualClock;
  clock.advance(hourMs - (clock.now().getTime() % hourMs) + 600_000);
  const network = (await alice.network.networks.create({ body: { network: { name: 'n' } } })).body.network?.id ?? '';
  await alice.network.subnets.create({ body: { subnet: { network_id: network, ip_version: 4, cidr: '10.1.0.0/24' } } });
  const [flavor] = (await alice.compute.flavors.list()).body.flavors;
  const { id: volumeId } = (await alice.volume.volumes.create({ body: { volume: { size: 3 } } })).body.volume;
  const { body } = await alice.compute.servers.create({ body: { server: { name: 's', imageRef: cloud.imageId, flavorRef: flavor!.id, networks: [{ uuid: network }] } } });
  assert.ok('server' in body);
  const server_id = body.server.id;
  await cloud.settle();
  const launched = clock.now().getTime();
  const hour = new Date(Math.floor(launched / hourMs) * hourMs);
  const project = { id: alice.projectId, compute: alice.compute, volume: alice.volume };
  clock.advance(hour.getTime() + hourMs + 60_000 - launched);
  await cloud.settle();

  const first = await observeHour([project], { agreementId: 'a', hour, revision: 1, now: clock.now() });

  const seconds = ({ statement }: typeof first, measure: string) => Number(statement.rows.find((row) => row.measure === measure)?.unit_ms ?? 0) / 1000;
  assert.ok(Math.abs(seconds(first, 'servers') - (hour.getTime() + hourMs - launched) / 1000) < 60, `${seconds(first, 'servers')} s`);
  assert.equal(seconds(first, 'GiB'), seconds(first, 'volumes') * 3);
  const events = await first.peer.events({ resource: 'server', resourceId: server_id });
  assert.match(events.rows[0]?.event ?? '', /^req-/);
  const things = await first.peer.resources({ project: alice.projectId, resource: 'server' });
  assert.equal(things.rows.find(({ measure }) => measure === 'servers')?.unit_ms, first.statement.rows.find(({ measure }) => measure === 'servers')?.unit_ms);

  const seenAt = clock.now();
  await alice.volume.volumes.delete({ params: { volume_id: volumeId } });
  await alice.compute.servers.delete({ params: { server_id } });
  await cloud.settle();
  const deleted = clock.now();
  clock.advance(hourMs);
  const second = await observeHour([project], { agreementId: 'a', hour: new Date(hour.getTime() + hourMs), revision: 1, now: clock.now(), before: { at: seenAt, volumes: first.volumes } });

  assert.ok(Math.abs(seconds(second, 'servers') - (deleted.getTime() - hour.getTime() - hourMs) / 1000) < 60);
  assert.equal(seconds(second, 'volumes'), (seenAt.getTime() - hour.getTime() - hourMs) / 1000);
  assert.deepEqual(second.volumes, []);
});
