import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compute } from '../../contract/compute/service.ts';
import { servedAt } from '../../kit/http/versions.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';

test('hosts are put into a zone by a group, and servers go where their zone is', async (t) => {
  const cloud = await startCloud(t);
  const { admin } = cloud;
  const { aggregate } = (await admin.compute.aggregates.create({ body: { aggregate: { name: 'east', availability_zone: 'east' } } })).body;
  const params = { aggregate_id: String(aggregate.id) };

  const { body } = await admin.compute.aggregates.addHost({ params, body: { add_host: { host: 'host-2' } } });

  assert.deepEqual([body.aggregate.hosts, body.aggregate.availability_zone, body.aggregate.metadata], [['host-2'], 'east', { availability_zone: 'east' }]);
  assert.deepEqual((await admin.compute.availabilityZones.list()).body.availabilityZoneInfo.map(({ zoneName }) => zoneName).toSorted(), ['east', 'nova']);
  assert.deepEqual((await admin.compute.services.list({ query: { host: 'host-2' } })).body.services.map(({ zone }) => zone), ['east']);
  const server_id = await makeServer(cloud, 'east');
  assert.equal((await admin.compute.servers.show({ params: { server_id } })).body.server['OS-EXT-SRV-ATTR:host'], 'host-2');
  const other = (await admin.compute.aggregates.create({ body: { aggregate: { name: 'west', availability_zone: 'west' } } })).body.aggregate;
  await assert.rejects(admin.compute.aggregates.addHost({ params: { aggregate_id: String(other.id) }, body: { add_host: { host: 'host-2' } } }), { status: 409 });
  await assert.rejects(admin.compute.aggregates.removeHost({ params, body: { remove_host: { host: 'host-2' } } }), { status: 409 });
  await assert.rejects(admin.compute.aggregates.setMetadata({ params, body: { set_metadata: { metadata: { availability_zone: 'north' } } } }), { status: 400 });
  await assert.rejects(admin.compute.aggregates.delete({ params }), { status: 400 });
  await cloud.alice.compute.servers.delete({ params: { server_id } });
  await cloud.settle();
  await admin.compute.aggregates.removeHost({ params, body: { remove_host: { host: 'host-2' } } });
  await admin.compute.aggregates.delete({ params });
  assert.deepEqual((await admin.compute.services.list()).body.services.map(({ zone }) => zone), ['nova', 'nova', 'nova', 'internal', 'internal']);
});

test('those who decide where servers go are in a zone of their own, which no server can ask for', async (t) => {
  const { admin, alice } = await startCloud(t, { hosts: 1 });

  const { services } = (await admin.client(compute).services.list({ query: { host: 'intercloud' } })).body;

  assert.deepEqual(services.map(({ binary, zone, state, status }) => [binary, zone, state, status]), [['nova-conductor', 'internal', 'up', 'enabled'], ['nova-scheduler', 'internal', 'up', 'enabled']]);
  const [internal] = (await admin.compute.availabilityZones.detail()).body.availabilityZoneInfo;
  assert.deepEqual([internal?.zoneName, Object.keys(internal?.hosts?.['intercloud'] ?? {})], ['internal', ['nova-conductor', 'nova-scheduler']]);
  assert.deepEqual((await alice.compute.availabilityZones.list()).body.availabilityZoneInfo.map(({ zoneName }) => zoneName), ['nova']);
  await assert.rejects(admin.client(compute).services.update({ params: { service_id: String(services[0]?.id) }, body: { status: 'disabled' } }), { status: 400 });
});

test('up to 2.6 a project may be let use what everybody may', async (t) => {
  const { admin, alice } = await startCloud(t, { hosts: 1 });
  const at = (version: string) => admin.client(compute, undefined, version).flavorAccess.add({ params: { flavor_id: '1' }, body: { addTenantAccess: { tenant: alice.projectId } } });

  const { body } = await at('2.6');

  assert.deepEqual(body, { flavor_access: [{ flavor_id: '1', tenant_id: alice.projectId }] });
  await assert.rejects(at('2.7'), { status: 409 });
});

test('metadata of a group is added to, and null takes an item away', async (t) => {
  const { admin } = await startCloud(t);
  const { id } = (await admin.compute.aggregates.create({ body: { aggregate: { name: 'fast' } } })).body.aggregate;
  const set = async (metadata: Record<string, string | null>) => (await admin.compute.aggregates.setMetadata({ params: { aggregate_id: String(id) }, body: { set_metadata: { metadata } } })).body.aggregate.metadata;

  assert.deepEqual(await set({ ssd: 'true', cpu: 'new' }), { ssd: 'true', cpu: 'new' });
  assert.deepEqual(await set({ cpu: null }), { ssd: 'true' });
  await assert.rejects(admin.compute.aggregates.create({ body: { aggregate: { name: 'fast' } } }), { status: 409 });
  assert.equal((await admin.compute.aggregates.update({ params: { aggregate_id: String(id) }, body: { aggregate: { name: 'faster' } } })).body.aggregate.name, 'faster');
});

test('a host that is taken out of service says why, gets no servers, and can be forgotten when it has none', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  const { admin } = cloud;
  const named = { host: 'host-1', binary: 'nova-compute' };

  const { service } = (await admin.compute.services.disableWithReason({ body: { ...named, disabled_reason: 'new disks' } })).body;

  assert.deepEqual(service, { ...named, status: 'disabled', disabled_reason: 'new disks' });
  assert.equal((await admin.compute.hypervisors.detail()).body.hypervisors[0]?.service.disabled_reason, 'new disks');
  const refused = await makeServer(cloud);
  assert.equal((await admin.compute.servers.show({ params: { server_id: refused } })).body.server.status, 'ERROR');
  await admin.compute.services.enable({ body: named });
  const server_id = await makeServer(cloud);
  const [host] = (await admin.compute.services.list()).body.services;
  await assert.rejects(admin.compute.services.delete({ params: { service_id: String(host?.id) } }), { status: 409 });
  for (const id of [server_id, refused]) await admin.compute.servers.delete({ params: { server_id: id } });
  await cloud.settle();
  await admin.compute.services.delete({ params: { service_id: String(host?.id) } });
  assert.deepEqual(await cloud.diagnose(), []);
});

test('hypervisors have been running for a while, and show their servers to who asks by name', async (t) => {
  const cloud = await startCloud(t);
  const { admin } = cloud;
  const server_id = await makeServer(cloud);
  const [first] = (await admin.compute.hypervisors.list()).body.hypervisors;

  assert.match((await admin.compute.hypervisors.uptime({ params: { hypervisor_id: String(first?.id) } })).body.hypervisor.uptime, /^ \d\d:\d\d:\d\d up .*\d:\d\d$/);
  const { hypervisors } = (await admin.compute.hypervisors.servers({ params: { hypervisor_id: 'host' } })).body;
  assert.deepEqual(hypervisors.flatMap(({ servers = [] }) => servers), [{ name: 'web', uuid: server_id }]);
  await assert.rejects(admin.compute.hypervisors.search({ params: { hypervisor_id: 'nowhere' } }), { status: 404 });
});

test('each microversion shows hosts in its own way', () => {
  const shown = () => ({ hypervisors: [{ id: 'uuid', number: 7, servers: [], cpu_info: { arch: 'x86_64' }, vcpus: 1, uptime: null, service: { id: 'uuid', number: 7 } }] });
  const at = (version: string) => {
    const served = servedAt('hypervisors.detail', compute.nouns.hypervisors.detail, compute, version) ?? assert.fail();
    return (served.older(shown()) as ReturnType<typeof shown>).hypervisors[0];
  };

  assert.deepEqual(at('2.27'), { id: 7, cpu_info: '{"arch":"x86_64"}', vcpus: 1, service: { id: 7 } });
  assert.deepEqual(at('2.28'), { id: 7, cpu_info: { arch: 'x86_64' }, vcpus: 1, service: { id: 7 } });
  assert.deepEqual(at('2.53'), { id: 'uuid', cpu_info: { arch: 'x86_64' }, vcpus: 1, service: { id: 'uuid' } });
  assert.deepEqual(at('2.88'), { id: 'uuid', servers: [], uptime: null, service: { id: 'uuid' } });
});

async function makeServer(cloud: TestCloud, zone?: string): Promise<string> {
  const { alice, imageId } = cloud;
  const { body } = await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId, ...(zone === undefined ? {} : { availability_zone: zone }) } } });
  await cloud.settle();
  return 'server' in body ? body.server.id : assert.fail();
}
