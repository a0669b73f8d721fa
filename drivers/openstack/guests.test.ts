/** What a guest is told about itself at the partner, when it is made and when that changes. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { ServerSpec } from '../driver.ts';
import { openRegion, startPartner } from './partner.fixture.ts';

test('a new name and new metadata of a server are told to the partner, who keeps our tag', { timeout: 60_000 }, async (t) => {
  const { driver, server, there } = await start(t);
  const spec = server({ name: 'Web Server', meta: { role: 'web', old: 'yes' } });
  await driver.servers.ensure(spec);
  const { tag, ...made } = await there(spec);
  assert.deepEqual(made, { name: 'Web Server', meta: { role: 'web', old: 'yes' } });

  await driver.servers.ensure({ ...spec, generation: 2, metadata: { ...spec.metadata, name: 'Data', meta: { role: 'data' } } });

  assert.deepEqual(await there(spec), { name: 'Data', meta: { role: 'data' }, tag });
  assert.deepEqual((await driver.servers.list()).map(({ id }) => id), [spec.id]);
});

test('what a partner cannot tell a machine that it has is refused before anything of it is changed', { timeout: 60_000 }, async (t) => {
  const { driver, server, there } = await start(t);
  const spec = server({ name: 'web', userData: 'I2Nsb3VkLWNvbmZpZw==' });
  await driver.servers.ensure(spec);
  const before = await there(spec);
  const changed = (changes: Partial<ServerSpec['metadata']>, more: Partial<ServerSpec> = {}) => driver.servers.ensure({ ...spec, generation: 2, ...more, metadata: { ...spec.metadata, name: 'other', ...changes } });

  await assert.rejects(changed({ userData: 'b3RoZXI=' }), { kind: 'invalid', message: `What server ${spec.id} has of user data cannot be changed at a partner's unless its disk is made anew` });
  await assert.rejects(changed({ publicKeys: { mine: 'ssh-ed25519 AAAA' } }), { kind: 'invalid' });
  await assert.rejects(changed({ files: [{ path: '/etc/motd', contents: 'aGVsbG8=' }] }), { kind: 'invalid', message: `The partner is given no files to put into a machine: server ${spec.id} cannot have /etc/motd there` });
  await assert.rejects(changed({}, { configDrive: true }), { kind: 'invalid', message: `What server ${spec.id} has of config drive cannot be changed at a partner's` });

  assert.deepEqual(await there(spec), before);
});

async function start(t: { after(work: () => Promise<void>): void }) {
  const { partner, access } = await startPartner(t);
  const { driver, images } = await openRegion(t, access);
  const hostId = (await driver.hosts.list())[0]!.id;
  return {
    driver,
    server(wish: Partial<ServerSpec['metadata']>): ServerSpec {
      const id = randomUUID();
      return {
        id, generation: 1, hostId, power: 'running', vcpus: 1, memoryMiB: 64, bootEpoch: 0, rootDisk: { kind: 'image', image: images[0], sizeGiB: 0, epoch: 0 }, volumes: [], nics: [], configDrive: false,
        metadata: { uuid: id, name: 'web', hostname: 'web', projectId: randomUUID().replaceAll('-', ''), availabilityZone: 'nova', launchIndex: 0, publicKeys: {}, meta: {}, adminPass: null, userData: null, networkData: {}, fixedIps: [], floatingIps: [], securityGroups: [], instanceType: 'm1.tiny', ...wish },
      };
    },
    /** As the partner's operator sees it. */
    async there({ id }: ServerSpec) {
      const { servers } = (await partner.admin.compute.servers.detail({ query: { all_tenants: '1' } })).body;
      const { name, metadata } = servers.find((each) => each.metadata['intercloud_tag']?.includes(id))!;
      const { intercloud_tag: tag, ...meta } = metadata;
      return { name, meta, tag };
    },
  };
}
