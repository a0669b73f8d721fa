import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compute } from '../../contract/compute/service.ts';
import { placement } from '../../contract/placement/service.ts';
import { manualClock } from '../../kit/clock.ts';
import { startCloud, type Person } from '../../test/cloud.ts';
import { watch, watchable, type Watch } from '../../test/watcher.ts';

test('whoever watches a list is told what happens to its items, as they are shown', async (t) => {
  const cloud = await startCloud(t);
  const { alice, bob, admin, imageId } = cloud;
  const { network } = (await alice.network.networks.create({ body: { network: { name: 'private' } } })).body;
  await alice.network.subnets.create({ body: { subnet: { network_id: network?.id ?? '', ip_version: 4, cidr: '10.1.0.0/24' } } });
  const outside = (await admin.network.networks.create({ body: { network: { name: 'outside', 'router:external': true } } })).body.network;
  await admin.network.subnets.create({ body: { subnet: { network_id: outside?.id ?? '', ip_version: 4, cidr: '192.0.2.0/24' } } });
  const made = (await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId } } })).body;
  const { id } = 'server' in made ? made.server : assert.fail();
  await cloud.settle();
  const { volume } = (await alice.volume.volumes.create({ body: { volume: { size: 1 } } })).body;
  await cloud.settle();
  const shown = (await admin.compute.servers.show({ params: { server_id: id } })).body.server;
  const host = (await admin.placement.providers.list()).body.resource_providers.find(({ name }) => name === shown['OS-EXT-SRV-ATTR:host'])!;
  const own = (await alice.image.images.create({ body: { name: 'own' } })).body.id;
  const secret = (await admin.compute.flavors.create({ body: { flavor: { name: 'secret', ram: 64, vcpus: 1, disk: 1, 'os-flavor-access:is_public': false } } })).body.flavor.id;

  const watches = new Map<string, Watch>();
  const begin = async (name: string, who: Person, path: string) => void watches.set(name, await watch(t, cloud, who, path, path.startsWith('/placement') ? { 'openstack-api-version': 'placement 1.39' } : {}));
  await begin('compute.servers.list', alice, '/compute/v2.1/servers');
  await begin('compute.servers.detail', alice, '/compute/v2.1/servers/detail');
  await begin('compute.serverVolumes.list', alice, `/compute/v2.1/servers/${id}/os-volume_attachments`);
  await begin('compute.serverInterfaces.list', alice, `/compute/v2.1/servers/${id}/os-interface`);
  await begin('compute.instanceActions.list', alice, `/compute/v2.1/servers/${id}/os-instance-actions`);
  await begin('compute.flavors.list', alice, '/compute/v2.1/flavors');
  await begin('compute.flavors.detail', alice, '/compute/v2.1/flavors/detail');
  await begin('compute.keyPairs.list', alice, '/compute/v2.1/os-keypairs');
  await begin('compute.hypervisors.list', admin, '/compute/v2.1/os-hypervisors');
  await begin('compute.hypervisors.detail', admin, '/compute/v2.1/os-hypervisors/detail');
  await begin('compute.serverGroups.list', alice, '/compute/v2.1/os-server-groups');
  const begun = async (part: string, who: Person) => void watches.set(`compute.${part}.list`, await watch(t, cloud, who, `/compute/v2.1/servers/${id}/${part === 'serverTags' ? 'tags' : 'migrations'}`, { 'openstack-api-version': 'compute 2.26' }));
  await begun('serverTags', alice);
  await begun('serverMigrations', admin);
  await begin('compute.hosts.list', admin, '/compute/v2.1/os-hosts');
  await begin('compute.migrations.list', admin, '/compute/v2.1/os-migrations');
  await begin('compute.aggregates.list', admin, '/compute/v2.1/os-aggregates');
  await begin('compute.imageProxies.list', alice, '/compute/v2.1/images');
  await begin('compute.imageProxies.detail', alice, '/compute/v2.1/images/detail');
  await begin('compute.securityGroupProxies.list', alice, '/compute/v2.1/os-security-groups');
  await begin('compute.floatingIpProxies.list', alice, '/compute/v2.1/os-floating-ips');
  await begin('compute.volumeProxies.list', alice, '/compute/v2.1/os-volumes');
  await begin('compute.volumeProxies.detail', alice, '/compute/v2.1/os-volumes/detail');
  await begin('compute.snapshotProxies.list', alice, '/compute/v2.1/os-snapshots');
  await begin('compute.snapshotProxies.detail', alice, '/compute/v2.1/os-snapshots/detail');
  await begin('compute.networkProxies.list', admin, '/compute/v2.1/os-networks');
  await begin('compute.tenantNetworkProxies.list', admin, '/compute/v2.1/os-tenant-networks');
  await begin('compute.serverMetadata.list', alice, `/compute/v2.1/servers/${id}/metadata`);
  await begin('compute.serverAddresses.list', alice, `/compute/v2.1/servers/${id}/ips`);
  await begin('compute.serverSecurityGroups.list', alice, `/compute/v2.1/servers/${id}/os-security-groups`);
  await begin('compute.flavorExtraSpecs.list', alice, '/compute/v2.1/flavors/1/os-extra_specs');
  await begin('compute.flavorAccess.list', admin, `/compute/v2.1/flavors/${secret}/os-flavor-access`);
  await begin('compute.imageMetadataProxies.list', alice, `/compute/v2.1/images/${own}/metadata`);
  await begin('compute.floatingIpPools.list', alice, '/compute/v2.1/os-floating-ip-pools');
  await begin('compute.services.list', admin, '/compute/v2.1/os-services');
  await begin('compute.availabilityZones.list', alice, '/compute/v2.1/os-availability-zone');
  await begin('compute.availabilityZones.detail', admin, '/compute/v2.1/os-availability-zone/detail');
  await begin('compute.usages.list', admin, '/compute/v2.1/os-simple-tenant-usage');
  await begin('placement.providers.list', admin, '/placement/resource_providers');
  await begin('placement.resourceClasses.list', admin, '/placement/resource_classes');
  await begin('placement.traits.list', admin, '/placement/traits');
  for (const part of ['inventories', 'usages', 'allocations', 'traits']) await begin(`placement.providers.${part}`, admin, `/placement/resource_providers/${host.uuid}/${part}`);
  assert.deepEqual([...watches.keys()].toSorted(), watchable(compute, placement).toSorted());

  await alice.compute.serverVolumes.attach({ params: { server_id: id }, body: { volumeAttachment: { volumeId: volume.id } } });
  await cloud.settle();
  const { interfaceAttachment: port } = (await alice.compute.serverInterfaces.attach({ params: { server_id: id }, body: {} })).body;
  await cloud.settle();
  const { flavor } = (await admin.compute.flavors.create({ body: { flavor: { name: 'own', ram: 64, vcpus: 1, disk: 1 } } })).body;
  await alice.compute.keyPairs.create({ body: { keypair: { name: 'mine' } } });
  await admin.compute.services.disable({ body: { host: host.name, binary: 'nova-compute' } });
  await alice.compute.serverGroups.create({ body: { server_group: { name: 'apart', policies: ['anti-affinity'] } } });
  const image = (await alice.image.images.create({ body: { name: 'picture' } })).body;
  const { security_group: group } = (await alice.compute.securityGroupProxies.create({ body: { security_group: { name: 'web', description: '' } } })).body;
  const { floating_ip: floatingIp } = (await alice.compute.floatingIpProxies.create({ body: { pool: 'outside' } })).body;
  await alice.compute.serverMetadata.merge({ params: { server_id: id }, body: { metadata: { role: 'web' } } });
  await alice.compute.serverActions.addSecurityGroup({ params: { server_id: id }, body: { addSecurityGroup: { name: 'web' } } });
  await admin.compute.flavorExtraSpecs.create({ params: { flavor_id: '1' }, body: { extra_specs: { 'hw:cpu_policy': 'shared' } } });
  await admin.compute.flavorAccess.add({ params: { flavor_id: secret }, body: { addTenantAccess: { tenant: bob.projectId } } });
  await alice.compute.imageMetadataProxies.merge({ params: { image_id: own }, body: { metadata: { colour: 'red' } } });
  const { snapshot } = (await alice.compute.snapshotProxies.create({ body: { snapshot: { volume_id: volume.id, force: true } } })).body;
  await admin.network.networks.create({ body: { network: { name: 'further', 'router:external': true } } });
  await alice.client(compute).serverTags.add({ params: { server_id: id, tag: 'blue' } });
  await admin.client(compute).serverActions.migrateLive({ params: { server_id: id }, body: { 'os-migrateLive': { host: null, block_migration: 'auto' } as never } });
  await watches.get('compute.serverMigrations.list')!.until('a live migration', ({ data }) => (data['migrations'] as { server_uuid: string }[])[0]?.server_uuid === id);
  await cloud.settle();
  for (const each of (await admin.compute.services.list({ query: { binary: 'nova-compute' } })).body.services) await admin.compute.services.disable({ body: { host: each.host, binary: each.binary } });
  await alice.compute.serverActions.resize({ params: { server_id: id }, body: { resize: { flavorRef: '2' } } });
  await cloud.settle();
  await admin.placement.traits.create({ params: { name: 'CUSTOM_FAST' } });
  await admin.placement.resourceClasses.create({ body: { name: 'CUSTOM_GPU' } });
  const { generation } = (await admin.placement.providers.show({ params: { uuid: host.uuid } })).body;
  await admin.placement.providers.setTraits({ params: { uuid: host.uuid }, body: { traits: ['CUSTOM_FAST'], resource_provider_generation: generation } });
  const { aggregate } = (await admin.compute.aggregates.create({ body: { aggregate: { name: 'ssd' } } })).body;
  await cloud.settle();
  await alice.compute.servers.delete({ params: { server_id: id } });
  await cloud.settle();

  const expected: Record<string, (data: never) => boolean> = {
    'compute.servers.list': ({ server }: { server: { id: string } }) => server.id === id,
    'compute.servers.detail': ({ server }: { server: { id: string } }) => server.id === id,
    'compute.serverVolumes.list': ({ volumeAttachment }: { volumeAttachment: { volumeId: string } }) => volumeAttachment.volumeId === volume.id,
    'compute.serverInterfaces.list': ({ interfaceAttachment }: { interfaceAttachment: { port_id: string } }) => interfaceAttachment.port_id === port.port_id,
    'compute.instanceActions.list': ({ instanceAction }: { instanceAction: { action: string } }) => instanceAction.action === 'attach_volume',
    'compute.flavors.list': (data: { flavor: { id: string } }) => data.flavor.id === flavor.id,
    'compute.flavors.detail': (data: { flavor: { id: string } }) => data.flavor.id === flavor.id,
    'compute.keyPairs.list': ({ keypair }: { keypair: { name: string } }) => keypair.name === 'mine',
    'compute.hypervisors.list': ({ hypervisors }: { hypervisors: { status: string }[] }) => hypervisors.every(({ status }) => status === 'disabled'),
    'compute.hypervisors.detail': ({ hypervisors }: { hypervisors: { status: string }[] }) => hypervisors.every(({ status }) => status === 'disabled'),
    'compute.serverGroups.list': ({ server_group: { name } }: { server_group: { name: string } }) => name === 'apart',
    'compute.hosts.list': ({ hosts }: { hosts: { service: string }[] }) => hosts.every(({ service }) => service !== 'compute'),
    'compute.migrations.list': ({ migrations }: { migrations: { instance_uuid: string }[] }) => migrations[0]?.instance_uuid === id,
    'compute.aggregates.list': (data: { aggregate: { id: number } }) => data.aggregate.id === aggregate.id,
    'compute.imageProxies.list': (data: { image: { id: string } }) => data.image.id === image.id,
    'compute.imageProxies.detail': (data: { image: { id: string } }) => data.image.id === image.id,
    'compute.securityGroupProxies.list': ({ security_group: { id: shown } }: { security_group: { id: string } }) => shown === group.id,
    'compute.floatingIpProxies.list': ({ floating_ip: { id: shown } }: { floating_ip: { id: string } }) => shown === floatingIp.id,
    'compute.serverTags.list': ({ tags }: { tags: string[] }) => tags.includes('blue'),
    'compute.volumeProxies.list': (data: { volume: { status: string } }) => data.volume.status === 'in-use',
    'compute.volumeProxies.detail': (data: { volume: { status: string } }) => data.volume.status === 'in-use',
    'compute.snapshotProxies.list': (data: { snapshot: { id: string } }) => data.snapshot.id === snapshot.id,
    'compute.snapshotProxies.detail': (data: { snapshot: { id: string } }) => data.snapshot.id === snapshot.id,
    'compute.networkProxies.list': (data: { network: { label: string } }) => data.network.label === 'further',
    'compute.tenantNetworkProxies.list': (data: { network: { label: string } }) => data.network.label === 'further',
    'compute.serverMetadata.list': ({ metadata }: { metadata: Record<string, string> }) => metadata['role'] === 'web',
    'compute.serverAddresses.list': ({ addresses }: { addresses: Record<string, { addr: string }[]> }) => addresses['private']?.some(({ addr }) => addr === port.fixed_ips[0]?.ip_address) === true,
    'compute.serverSecurityGroups.list': ({ security_groups: groups }: { security_groups: { name: string }[] }) => groups.some(({ name }) => name === 'web'),
    'compute.flavorExtraSpecs.list': ({ extra_specs: specs }: { extra_specs: Record<string, string> }) => specs['hw:cpu_policy'] === 'shared',
    'compute.flavorAccess.list': ({ flavor_access: list }: { flavor_access: { tenant_id: string }[] }) => list[0]?.tenant_id === bob.projectId,
    'compute.imageMetadataProxies.list': ({ metadata }: { metadata: Record<string, string> }) => metadata['colour'] === 'red',
    'compute.floatingIpPools.list': ({ floating_ip_pools: pools }: { floating_ip_pools: { name: string }[] }) => pools.some(({ name }) => name === 'further'),
    'compute.services.list': ({ services }: { services: { binary: string; status: string }[] }) => services.every(({ binary, status }) => binary !== 'nova-compute' || status === 'disabled'),
    'compute.availabilityZones.list': ({ availabilityZoneInfo: zones }: { availabilityZoneInfo: { zoneName: string; zoneState: { available: boolean } }[] }) => zones.every(({ zoneName, zoneState }) => zoneName === 'internal' || !zoneState.available),
    'compute.availabilityZones.detail': ({ availabilityZoneInfo: zones }: { availabilityZoneInfo: { zoneName: string; zoneState: { available: boolean } }[] }) => zones.every(({ zoneName, zoneState }) => zoneName === 'internal' || !zoneState.available),
    'compute.usages.list': ({ tenant_usages: [usage] }: { tenant_usages: { tenant_id: string }[] }) => usage?.tenant_id === alice.projectId,
    'placement.resourceClasses.list': ({ resource_classes: classes }: { resource_classes: { name: string }[] }) => classes.at(-1)?.name === 'CUSTOM_GPU',
    'placement.traits.list': ({ traits }: { traits: string[] }) => traits.at(-1) === 'CUSTOM_FAST',
    'placement.providers.traits': ({ traits }: { traits: string[] }) => traits.includes('CUSTOM_FAST'),
    'placement.providers.inventories': ({ inventories }: { inventories: object }) => 'VCPU' in inventories,
    'placement.providers.usages': ({ usages }: { usages: Record<string, number> }) => usages['VCPU'] === 0,
    'placement.providers.allocations': ({ allocations }: { allocations: object }) => Object.keys(allocations).length === 0,
    'placement.providers.list': ({ uuid }: { uuid: string }) => uuid === host.uuid,
  };
  for (const [name, isIt] of Object.entries(expected)) await watches.get(name)!.until(name, ({ data, event }) => event !== 'deleted' && isIt(data as never));
  // What it was a part of is gone: there is no more to say.
  for (const part of ['serverMetadata', 'serverAddresses', 'serverSecurityGroups']) assert.deepEqual((await watches.get(`compute.${part}.list`)!.until(part, ({ event }) => event === 'deleted')).data, { server_id: id });
});

test('only who could use a private flavor hears of it, also when it is gone', async (t) => {
  const cloud = await startCloud(t);
  const { admin, alice, bob } = cloud;
  const watches = { alice: await watch(t, cloud, alice, '/compute/v2.1/flavors'), bob: await watch(t, cloud, bob, '/compute/v2.1/flavors') };
  const { addTenantAccess, removeTenantAccess } = { addTenantAccess: { tenant: bob.projectId }, removeTenantAccess: { tenant: bob.projectId } };

  const made: string[] = [];
  for (const name of ['first', 'second']) {
    const { id } = (await admin.compute.flavors.create({ body: { flavor: { name, ram: 64, vcpus: 1, disk: 1, 'os-flavor-access:is_public': false } } })).body.flavor;
    made.push(id);
    await admin.compute.flavorAccess.add({ params: { flavor_id: id }, body: { addTenantAccess } });
    await watches.bob.until(`${name} is there`, ({ event }) => event === 'flavor.update.end');
    if (name === 'first') await admin.compute.flavorAccess.remove({ params: { flavor_id: id }, body: { removeTenantAccess } });
    else await admin.compute.flavors.delete({ params: { flavor_id: id } });
    assert.deepEqual((await watches.bob.until(`${name} is gone`, ({ event }) => event === 'deleted')).data, { id });
  }
  const { id } = (await admin.compute.flavors.create({ body: { flavor: { name: 'for all', ram: 64, vcpus: 1, disk: 1 } } })).body.flavor;

  await watches.alice.until('what is for all', ({ data }) => JSON.stringify(data).includes(id));
  assert.deepEqual(watches.alice.told.filter(({ data }) => made.some((each) => JSON.stringify(data).includes(each))), []);
});

test('whoever watches the services or hypervisors is told of hosts that have fallen silent, though no event says it', async (t) => {
  const clock = manualClock(new Date());
  const cloud = await startCloud(t, { clock });
  await cloud.rest();
  const watches = await Promise.all(['services', 'hypervisors'].map((noun) => watch(t, cloud, cloud.admin, `/compute/v2.1/os-${noun}`)));

  const passing = setInterval(() => clock.advance(30_000), 20);
  t.after(() => clearInterval(passing));

  for (const watching of watches) await watching.until('the silence', ({ data }) => Object.values(data as Record<string, { state: string }[]>).every((hosts) => hosts.every(({ state }) => state === 'down')));
});

test("key pairs of somebody else in the same project are not told", async (t) => {
  const cloud = await startCloud(t);
  const { alice, reader } = cloud;
  const watching = await watch(t, cloud, alice, '/compute/v2.1/os-keypairs');

  await reader.compute.keyPairs.create({ body: { keypair: { name: 'theirs' } } });
  await alice.compute.keyPairs.create({ body: { keypair: { name: 'mine' } } });
  await alice.compute.keyPairs.delete({ params: { keypair_name: 'mine' } });

  await watching.until('the end', ({ event }) => event === 'deleted');
  assert.ok(!JSON.stringify(watching.told).includes('theirs'));
});

test('a guest is told of its new security group', async (t) => {
  const cloud = await startCloud(t);
  const { alice, driver, imageId } = cloud;
  const { network } = (await alice.network.networks.create({ body: { network: { name: 'private' } } })).body;
  await alice.network.subnets.create({ body: { subnet: { network_id: network?.id ?? '', ip_version: 4, cidr: '10.1.0.0/24' } } });
  const made = (await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId } } })).body;
  const { id } = 'server' in made ? made.server : assert.fail();
  await alice.compute.securityGroupProxies.create({ body: { security_group: { name: 'web', description: '' } } });
  await cloud.settle();
  const before = (await driver.servers.list()).find((machine) => machine.id === id)?.generation ?? 0;

  await alice.compute.serverActions.addSecurityGroup({ params: { server_id: id }, body: { addSecurityGroup: { name: 'web' } } });
  await cloud.settle();

  assert.ok(((await driver.servers.list()).find((machine) => machine.id === id)?.generation ?? 0) > before);
});
