import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { Refused } from '../../contract/client.ts';
import { newestOf, type Operation, type Service } from '../../contract/contract.ts';
import { compute } from '../../contract/compute/service.ts';
import { placement } from '../../contract/placement/service.ts';
import { checker, schemaAt } from '../../kit/http/schema.ts';
import { startCloud, type Person, type TestCloud } from '../../test/cloud.ts';

test('whatever can be read is shaped as the contract says', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin } = cloud;
  const server_id = await makeServer(cloud);
  await alice.compute.keyPairs.create({ body: { keypair: { name: 'key' } } });
  const { flavor } = (await admin.compute.flavors.create({ body: { flavor: { name: 'own', ram: 64, vcpus: 1, disk: 1, 'os-flavor-access:is_public': false } } })).body;
  await admin.compute.flavorExtraSpecs.create({ params: { flavor_id: flavor.id }, body: { extra_specs: { 'hw:cpu_policy': 'shared' } } });
  await admin.compute.flavorAccess.add({ params: { flavor_id: flavor.id }, body: { addTenantAccess: { tenant: alice.projectId } } });
  const uuid = (await admin.placement.providers.list()).body.resource_providers[0]?.uuid ?? '';
  const [action] = (await alice.compute.instanceActions.list({ params: { server_id } })).body.instanceActions;
  const [port] = (await alice.compute.serverInterfaces.list({ params: { server_id } })).body.interfaceAttachments;
  await alice.compute.serverMetadata.merge({ params: { server_id }, body: { metadata: { colour: 'blue' } } });
  const image = (await alice.image.images.create({ body: { name: 'image' } })).body;
  await alice.compute.imageMetadataProxies.merge({ params: { image_id: String(image.id) }, body: { metadata: { colour: 'blue' } } });
  const { network } = (await admin.network.networks.create({ body: { network: { name: 'outside', 'router:external': true } } })).body;
  await admin.network.subnets.create({ body: { subnet: { network_id: network?.id ?? '', ip_version: 4, cidr: '192.0.2.0/24' } } });
  const { volume } = (await admin.volume.volumes.create({ body: { volume: { size: 1 } } })).body;
  await cloud.settle();
  const params: Record<string, string> = {
    server_id,
    flavor_id: flavor.id,
    keypair_name: 'key',
    tenant_id: alice.projectId,
    hypervisor_id: uuid,
    alias: 'OS-DCF',
    request_id: action?.request_id ?? '',
    port_id: port?.port_id ?? '',
    network_label: 'private',
    uuid,
    consumer_uuid: server_id,
    quota_class: 'default',
    host_name: 'host-1',
    network_id: network?.id ?? '',
    volume_id: volume.id,
    snapshot_id: (await admin.volume.snapshots.create({ body: { snapshot: { volume_id: volume.id } } })).body.snapshot.id,
    before: '2026-05-01 00:00:00',
    aggregate_id: String((await admin.compute.aggregates.create({ body: { aggregate: { name: 'ssd' } } })).body.aggregate.id),
    resource_class: 'VCPU',
    name: 'VCPU',
    image_id: String(image.id),
    group_id: (await alice.compute.securityGroupProxies.list()).body.security_groups[0]?.id ?? '',
    server_group_id: (await alice.compute.serverGroups.create({ body: { server_group: { name: 'apart', policies: ['anti-affinity'] } } })).body.server_group.id,
    floating_ip_id: (await alice.compute.floatingIpProxies.create({ body: {} })).body.floating_ip.id,
  };
  const key = { imageMetadataProxies: 'colour', serverMetadata: 'colour', flavorExtraSpecs: 'hw:cpu_policy' } as Record<string, string>;
  const others: Record<string, Record<string, string>> = { 'hypervisors.search': { hypervisor_id: 'host' }, 'hypervisors.servers': { hypervisor_id: 'host' } };
  const unlike = ['hosts.reboot', 'hosts.shutdown', 'hosts.startup', 'candidates.list', 'serverShares.show'];
  let read = 0;
  for (const [contract, of] of [
    [compute, (person: Person) => person.client(compute)],
    [placement, (person: Person) => person.placement],
  ] as const)
    for (const [noun, name, operation] of readingOf(contract)) {
      if (`${noun}.${name}` === 'serverVolumes.show' || unlike.includes(`${noun}.${name}`) || operation.path === '/usages') continue;
      const asker = noun === 'keyPairs' ? alice : admin;
      const client = of(asker) as unknown as Record<string, Record<string, (options: object) => Promise<{ body: unknown }>>>;
      const { body } = await client[noun]![name]!({ params: { ...params, key: key[noun] ?? '', ...others[`${noun}.${name}`] } });
      assert.deepEqual(checker(schemaAt(operation.response, newestOf(contract, operation)) as never)(body), undefined, `${noun}.${name}: ${JSON.stringify(body).slice(0, 600)}`);
      read++;
    }
  assert.ok(read > 40, `only ${read} operations were read`);
});

test('older microversions show and take what they had', async (t) => {
  const cloud = await startCloud(t);
  const { admin } = cloud;
  const id = await makeServer(cloud);
  const show = async (version: string) => {
    const reply = await cloud.fetch(`http://cloud.example/compute/v2.1/servers/${id}`, { headers: { 'x-auth-token': await admin.token(), 'x-openstack-nova-api-version': version } });
    return { reply, body: (await reply.json()) as { server: Record<string, unknown> } };
  };

  const [oldest, newest] = [await show('2.1'), await show('2.3')];

  assert.equal(oldest.reply.headers.get('x-openstack-nova-api-version'), '2.1');
  assert.ok('OS-EXT-SRV-ATTR:host' in oldest.body.server && !('OS-EXT-SRV-ATTR:hostname' in oldest.body.server));
  assert.equal(newest.body.server['OS-EXT-SRV-ATTR:hostname'], 'web');
  assert.equal((await show('2.999')).reply.status, 406);
  const pair = async (version: string) =>
    cloud.fetch('http://cloud.example/compute/v2.1/os-keypairs', {
      method: 'POST',
      headers: { 'x-auth-token': await admin.token(), 'openstack-api-version': `compute ${version}`, 'content-type': 'application/json' },
      body: JSON.stringify({ keypair: { name: `key-${version.replace('.', '-')}` } }),
    });
  assert.deepEqual([(await pair('2.1')).status, (await pair('2.2')).status], [200, 201]);
});

test('clients of version 2.0 find it where it was, without microversions', async (t) => {
  const cloud = await startCloud(t);
  const id = await makeServer(cloud);
  const get = async (path: string) => (await cloud.fetch(`http://cloud.example/compute${path}`, { headers: { 'x-auth-token': await cloud.alice.token(), 'openstack-api-version': 'compute 2.5' } })).json() as Promise<Record<string, never>>;

  const { versions } = (await get('/')) as unknown as { versions: { id: string; version: string }[] };

  assert.deepEqual(versions.map((each) => [each.id, each.version]), [['v2.0', ''], ['v2.1', '2.100']]);
  assert.equal(((await get('/v2/')) as unknown as { version: { id: string } }).version.id, 'v2.0');
  for (const path of ['/v2', `/v2/${cloud.alice.projectId}`]) {
    const { server } = (await get(`${path}/servers/${id}`)) as unknown as { server: { id: string; links: { href: string }[] } };
    assert.equal(server.id, id);
    assert.match(server.links[0]!.href, /compute\/v2\//);
    assert.deepEqual(((await get(`${path}/os-keypairs`)) as unknown as { keypairs: object[] }).keypairs, []);
  }
});

test('a key pair is made with a private key that fits, or imported', async (t) => {
  const { alice, bob } = await startCloud(t);

  const { keypair } = (await alice.compute.keyPairs.create({ body: { keypair: { name: 'made' } } })).body;

  const jwk = createPublicKey(keypair.private_key ?? '').export({ format: 'jwk' });
  assert.ok(Buffer.from(keypair.public_key.split(' ')[1] ?? '', 'base64').includes(Buffer.from(jwk.n ?? '', 'base64url')));
  assert.match(keypair.fingerprint, /^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
  const imported = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@home';
  assert.equal((await alice.compute.keyPairs.create({ body: { keypair: { name: 'imported', public_key: imported } } })).body.keypair.fingerprint, '65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b:bd');
  await assert.rejects(alice.compute.keyPairs.create({ body: { keypair: { name: 'made' } } }), refusal(409, "Key pair 'made' already exists."));
  await assert.rejects(alice.compute.keyPairs.create({ body: { keypair: { name: 'bad', public_key: 'ssh-rsa nonsense' } } }), refusal(400));
  assert.deepEqual((await bob.compute.keyPairs.list()).body.keypairs, []);
  await alice.compute.keyPairs.delete({ params: { keypair_name: 'made' } });
  await assert.rejects(alice.compute.keyPairs.show({ params: { keypair_name: 'made' } }), refusal(404));
});

test('a key pair for Windows is a certificate that the user signed', async (t) => {
  const { alice, clock } = await startCloud(t);

  const { keypair } = (await alice.compute.keyPairs.create({ body: { keypair: { name: 'windows', type: 'x509' } } })).body;

  const certificate = new X509Certificate(keypair.public_key);
  assert.ok(certificate.verify(certificate.publicKey) && certificate.checkPrivateKey(createPrivateKey(keypair.private_key ?? '')));
  assert.equal(certificate.subject, `CN=${keypair.user_id}`);
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  assert.match(certificate.subjectAltName ?? '', /^othername:UPN:.+@localhost$/);
  assert.ok(certificate.validFromDate <= clock.now() && certificate.validToDate > new Date(clock.now().getTime() + 9 * 365 * 86_400_000));
  assert.equal((await alice.compute.keyPairs.show({ params: { keypair_name: 'windows' } })).body.keypair.type, 'x509');
  const again = (await alice.compute.keyPairs.create({ body: { keypair: { name: 'imported', type: 'x509', public_key: keypair.public_key } } })).body.keypair;
  assert.equal(again.fingerprint, keypair.fingerprint);
  await assert.rejects(alice.compute.keyPairs.create({ body: { keypair: { name: 'bad', type: 'x509', public_key: 'ssh-rsa AAAA' } } }), refusal(400, 'Keypair data is invalid: failed to generate X509 fingerprint'));
});

test('what renaming and rebuilding answer leaves out what version 2.0 had as extensions', async (t) => {
  const cloud = await startCloud(t);
  const { alice, imageId } = cloud;
  const id = await makeServer(cloud);

  const renamed = (await alice.compute.servers.update({ params: { server_id: id }, body: { server: { name: 'new', accessIPv6: '::babe:220.12.22.2' } } })).body.server;
  const rebuilt = (await alice.compute.serverActions.rebuild({ params: { server_id: id }, body: { rebuild: { imageRef: imageId } } })).body.server;

  for (const body of [renamed, rebuilt]) assert.deepEqual(Object.keys(body).filter((field) => /^OS-(EXT|SRV)|key_name|security_groups|config_drive/.test(field)), []);
  assert.deepEqual(Object.keys(Object.values(renamed.addresses)[0]![0]!).sort(), ['addr', 'version']);
  assert.equal(renamed.accessIPv6, '::babe:dc0c:1602');
  await assert.rejects(alice.compute.servers.update({ params: { server_id: id }, body: { server: { accessIPv4: '1.2' } } }), refusal(400));
});

test('more metadata than a server may have is over its quota', async (t) => {
  const cloud = await startCloud(t);
  const params = { server_id: await makeServer(cloud) };
  const metadata = Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`key-${index}`, 'value']));

  for (const way of ['merge', 'replace'] as const)
    await assert.rejects(cloud.alice.compute.serverMetadata[way]({ params, body: { metadata } }), refusal(403, 'Maximum number of metadata items exceeds 128'));
  await assert.rejects(cloud.alice.compute.serverActions.rebuild({ params, body: { rebuild: { imageRef: cloud.imageId, metadata } } }), refusal(403));
  assert.deepEqual((await cloud.alice.compute.serverMetadata.list({ params })).body.metadata, {});
});

test('a page of no servers is empty, and has no next one', async (t) => {
  const cloud = await startCloud(t);
  await makeServer(cloud);

  assert.deepEqual((await cloud.alice.compute.servers.list({ query: { limit: 0 } })).body, { servers: [] });
  assert.deepEqual((await cloud.alice.compute.servers.detail({ query: { limit: 0 } })).body, { servers: [] });
});

test('servers that changed since a date are found by a date as ISO 8601 writes it', async (t) => {
  const { alice } = await startCloud(t);

  for (const date of ['2026-01-01', '2026-01-01T00:00:00Z', '2026-01-01 00:00:00', '2026-01-01T00:00:00.5+02:00']) assert.deepEqual((await alice.compute.servers.list({ query: { 'changes-since': date } })).body.servers, []);
  for (const date of ['2011/01/01', 'yesterday', '2026-13-01', '1']) await assert.rejects(alice.compute.servers.list({ query: { 'changes-since': date } }), refusal(400));
});

test('a private flavor is for those who were let in', async (t) => {
  const { admin, alice, bob } = await startCloud(t);
  const { flavor } = (await admin.compute.flavors.create({ body: { flavor: { name: 'own', ram: 64, vcpus: 1, disk: 1, 'os-flavor-access:is_public': 'False' } } })).body;

  await admin.compute.flavorAccess.add({ params: { flavor_id: flavor.id }, body: { addTenantAccess: { tenant: alice.projectId } } });

  assert.equal((await alice.compute.flavors.show({ params: { flavor_id: flavor.id } })).body.flavor.name, 'own');
  await assert.rejects(bob.compute.flavors.show({ params: { flavor_id: flavor.id } }), refusal(404, `Flavor ${flavor.id} could not be found.`));
  await assert.rejects(alice.compute.flavors.create({ body: { flavor: { name: 'mine', ram: 64, vcpus: 1, disk: 1 } } }), refusal(403));
  await admin.compute.flavors.delete({ params: { flavor_id: flavor.id } });
  await assert.rejects(alice.compute.flavors.show({ params: { flavor_id: flavor.id } }), refusal(404));
});

/** What there is only while something is under way, or never. */
const fleeting = ['consoleTokens.show', 'serverMigrations.show'];

function* readingOf(contract: Service): Generator<[noun: string, name: string, operation: Operation]> {
  for (const [noun, operations] of Object.entries(contract.nouns))
    for (const [name, operation] of Object.entries(operations)) if (operation.method === 'GET' && !fleeting.includes(`${noun}.${name}`) && typeof operation.response === 'object' && newestOf(contract, operation) !== undefined) yield [noun, name, operation];
}

async function makeServer(cloud: TestCloud): Promise<string> {
  const { alice, imageId } = cloud;
  const { body } = await alice.network.networks.create({ body: { network: { name: 'private' } } });
  assert.ok('network' in body);
  await alice.network.subnets.create({ body: { subnet: { network_id: body.network?.id ?? '', ip_version: 4, cidr: '10.1.0.0/24' } } });
  const made = (await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId } } })).body;
  assert.ok('server' in made);
  await cloud.settle();
  return made.server.id;
}

function refusal(status: number, message?: string) {
  return (error: unknown) => {
    assert.ok(error instanceof Refused, String(error));
    assert.equal(error.status, status, error.message);
    if (message !== undefined) assert.equal(Object.values(error.body as Record<string, { message: string }>)[0]?.message, message);
    return true;
  };
}
