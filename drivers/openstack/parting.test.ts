import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { NetworkSpec, SecurityGroupSpec } from '../driver.ts';
import { openRegion, startPartner } from './partner.fixture.ts';

test('who parts with a partner leaves networks and images behind no more than machines, and is not let go while there is one', { timeout: 60_000 }, async (t) => {
  const { partner, access } = await startPartner(t);
  const { driver, images, blobs, options } = await openRegion(t, access);
  const project = { projectId: randomUUID().replaceAll('-', ''), generation: 1 };
  const network: NetworkSpec = { kind: 'network', id: randomUUID(), ...project, adminUp: true, mtu: 1400, physicalNetwork: null, subnets: [], servicePort: null };
  const group: SecurityGroupSpec = { kind: 'security-group', id: randomUUID(), ...project, stateful: true, rules: [] };
  const volume = { id: randomUUID(), ...project, sizeGiB: 1, source: { kind: 'image' as const, image: images[0] } };
  const there = async () => {
    const { networks } = (await partner.admin.network.networks.list()).body;
    const { images: kept } = (await partner.admin.image.images.list()).body;
    return [...networks.map(({ name }) => name), ...kept.flatMap(({ name }) => (name?.startsWith('intercloud-') ? [name] : []))];
  };
  const before = await there();
  await driver.networks.ensure([network, group]);
  await driver.volumes.ensure(volume);
  assert.equal((await there()).length, before.length + 2);

  await assert.rejects(driver.part(), { kind: 'failed', message: `The partner still holds volume ${volume.id}` });
  assert.equal((await there()).length, before.length + 2, 'nothing was taken back');
  await driver.volumes.remove({ id: volume.id, generation: 2 });
  const [ours] = (await partner.admin.identity.projects.list({ query: { tags: `intercloud:${project.projectId}:1` } })).body.projects;
  const { network: stray } = (await partner.admin.network.networks.create({ body: { network: { name: 'stray', project_id: ours!.id } } })).body;
  await assert.rejects(driver.part(), { message: `The partner still holds network ${stray!.id} (as it is called there; nothing of ours)` });
  await partner.admin.network.networks.delete({ params: { network_id: stray!.id } });

  await driver.part();

  assert.deepEqual(await there(), before);
  assert.deepEqual(await options.handles.list('network', 'subnet', 'security-group', 'image'), []);
  assert.ok(await blobs.path(images[0].sha256), 'ours stay ours');
  await driver.part();
});
