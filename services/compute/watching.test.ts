import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Operation } from '../../contract/contract.ts';
import { compute } from '../../contract/compute/service.ts';
import { placement } from '../../contract/placement/service.ts';
import { startCloud, type Person, type TestCloud } from '../../test/cloud.ts';

type Told = { event: string; data: Record<string, unknown> };

/** Every list of compute and placement that can be watched, so that a new one is not forgotten below. */
const watchable = [compute, placement].flatMap((service) =>
  Object.entries(service.nouns).flatMap(([noun, operations]) =>
    Object.entries(operations as Record<string, Operation>).flatMap(([name, { list }]) => (list ? [`${service.type}.${noun}.${name}`] : [])),
  ),
);

test('whoever watches a list is told what happens to its items, as they are shown', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin, imageId } = cloud;
  const { network } = (await alice.network.networks.create({ body: { network: { name: 'private' } } })).body;
  await alice.network.subnets.create({ body: { subnet: { network_id: network?.id ?? '', ip_version: 4, cidr: '10.1.0.0/24' } } });
  const outside = (await admin.network.networks.create({ body: { network: { name: 'outside', 'router:external': true } } })).body.network;
  await admin.network.subnets.create({ body: { subnet: { network_id: outside?.id ?? '', ip_version: 4, cidr: '192.0.2.0/24' } } });
  const made = (await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId } } })).body;
  const { id } = 'server' in made ? made.server : assert.fail();
  await cloud.settle();
  const { volume } = (await alice.volume.volumes.create({ body: { volume: { size: 1 } } })).body;
  await cloud.settle();
  const host = (await admin.placement.providers.list()).body.resource_providers[0]!;

  const watches = new Map<string, Watch>();
  const begin = async (name: string, who: Person, path: string) => void watches.set(name, await watch(t, cloud, who, path));
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
  await begin('compute.imageProxies.list', alice, '/compute/v2.1/images');
  await begin('compute.imageProxies.detail', alice, '/compute/v2.1/images/detail');
  await begin('compute.securityGroupProxies.list', alice, '/compute/v2.1/os-security-groups');
  await begin('compute.floatingIpProxies.list', alice, '/compute/v2.1/os-floating-ips');
  await begin('placement.providers.list', admin, '/placement/resource_providers');
  assert.deepEqual([...watches.keys()].toSorted(), watchable.toSorted());

  await alice.compute.serverVolumes.attach({ params: { server_id: id }, body: { volumeAttachment: { volumeId: volume.id } } });
  await cloud.settle();
  const { interfaceAttachment: port } = (await alice.compute.serverInterfaces.attach({ params: { server_id: id }, body: {} })).body;
  await cloud.settle();
  const { flavor } = (await admin.compute.flavors.create({ body: { flavor: { name: 'own', ram: 64, vcpus: 1, disk: 1 } } })).body;
  await alice.compute.keyPairs.create({ body: { keypair: { name: 'mine' } } });
  await admin.compute.services.disable({ body: { host: host.name, binary: 'nova-compute' } });
  const image = (await alice.image.images.create({ body: { name: 'picture' } })).body;
  const { security_group: group } = (await alice.compute.securityGroupProxies.create({ body: { security_group: { name: 'web', description: '' } } })).body;
  const { floating_ip: floatingIp } = (await alice.compute.floatingIpProxies.create({ body: { pool: 'outside' } })).body;

  const expected: Record<string, (data: never) => boolean> = {
    'compute.servers.list': ({ server }: { server: { id: string } }) => server.id === id,
    'compute.servers.detail': ({ server }: { server: { id: string } }) => server.id === id,
    'compute.serverVolumes.list': ({ volumeAttachment }: { volumeAttachment: { volumeId: string } }) => volumeAttachment.volumeId === volume.id,
    'compute.serverInterfaces.list': ({ interfaceAttachment }: { interfaceAttachment: { port_id: string } }) => interfaceAttachment.port_id === port.port_id,
    'compute.instanceActions.list': ({ instanceAction }: { instanceAction: { action: string } }) => instanceAction.action === 'attach_volume',
    'compute.flavors.list': (data: { flavor: { id: string } }) => data.flavor.id === flavor.id,
    'compute.flavors.detail': (data: { flavor: { id: string } }) => data.flavor.id === flavor.id,
    'compute.keyPairs.list': ({ keypair }: { keypair: { name: string } }) => keypair.name === 'mine',
    'compute.hypervisors.list': ({ hypervisor }: { hypervisor: { status: string } }) => hypervisor.status === 'disabled',
    'compute.hypervisors.detail': ({ hypervisor }: { hypervisor: { status: string } }) => hypervisor.status === 'disabled',
    'compute.imageProxies.list': (data: { image: { id: string } }) => data.image.id === image.id,
    'compute.imageProxies.detail': (data: { image: { id: string } }) => data.image.id === image.id,
    'compute.securityGroupProxies.list': ({ security_group: { id: shown } }: { security_group: { id: string } }) => shown === group.id,
    'compute.floatingIpProxies.list': ({ floating_ip: { id: shown } }: { floating_ip: { id: string } }) => shown === floatingIp.id,
    'placement.providers.list': ({ uuid }: { uuid: string }) => uuid === host.uuid,
  };
  for (const [name, isIt] of Object.entries(expected)) await watches.get(name)!.until(name, ({ data, event }) => event !== 'deleted' && isIt(data as never));
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

type Watch = { told: Told[]; until(what: string, isIt: (told: Told) => boolean): Promise<void> };

async function watch(t: TestContext, cloud: TestCloud, who: Person, path: string): Promise<Watch> {
  const address = cloud.door.app.server.listening ? cloud.door.app.listeningOrigin : await cloud.door.listen({ host: '127.0.0.1', port: 0 });
  const left = new AbortController();
  t.after(() => left.abort());
  const response = await fetch(`${address}${path}`, { headers: { 'x-auth-token': await who.token(), accept: 'text/event-stream' }, signal: left.signal });
  assert.equal(response.status, 200, path);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const told: Told[] = [];
  let text = (await reader.read()).value ?? '';
  return {
    told,
    async until(what, isIt) {
      let looked = 0;
      const late = setTimeout(() => left.abort(new Error(`${what} was not told within 20 s: ${JSON.stringify(told)}`)), 20_000);
      try {
        for (;;) {
          const parts = text.split('\n\n');
          text = parts.pop() ?? '';
          for (const part of parts) {
            const found = /event: (.*)\ndata: (.*)/.exec(part);
            if (found) told.push({ event: found[1]!, data: JSON.parse(found[2]!) as Told['data'] });
          }
          while (looked < told.length) if (isIt(told[looked++]!)) return;
          text += (await reader.read()).value ?? '';
        }
      } finally {
        clearTimeout(late);
      }
    },
  };
}
