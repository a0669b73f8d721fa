/** Limits registered with identity bound what is made in every service and every region: flat, and over the projects of a domain. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../contract/client.ts';
import { identity } from '../contract/identity/service.ts';
import { network } from '../contract/network/service.ts';
import { claimQuota, OverQuota, quotaDefaults, quotaUsage, type QuotaResource } from '../services/quota/quotas.ts';
import { unifiedNameOf } from '../services/quota/unified-names.ts';
import { startCloud, type TestCloud } from './cloud.ts';
import { inTime, until } from './patience.ts';
import { addRegion } from './several-regions.ts';

const scope = { kind: 'system', reason: 'the test counts' } as const;
const region = 'RegionOne';

test('every resource that is counted has a name to be limited by, and is refused beyond it', async (t) => {
  const cloud = await startCloud(t);
  const { database } = cloud.cloud.region;
  const resources = (Object.keys(quotaDefaults) as QuotaResource[]).filter((resource) => unifiedNameOf(resource));
  assert.ok(resources.length >= 24);
  const limits = await limitsOf(cloud);
  const claim = (projectId: string, resource: QuotaResource, amount: number) => database.transaction(scope, (tx) => claimQuota(tx, projectId, { [resource]: amount }));
  for (const resource of resources) {
    const { types, name, unit } = unifiedNameOf(resource)!;
    await limits.register(types[0]!, name, 3);
    await limits.limit(types[0]!, name, { project_id: cloud.alice.projectId, resource_limit: 1 });
    await until(cloud, async () => (await countedLimit(cloud, cloud.alice.projectId, resource)) === unit && (await countedLimit(cloud, cloud.bob.projectId, resource)) === 3 * unit);

    await claim(cloud.alice.projectId, resource, unit);
    await claim(cloud.bob.projectId, resource, 3 * unit);

    for (const { projectId } of [cloud.alice, cloud.bob]) await assert.rejects(claim(projectId, resource, 1), OverQuota, `${name} of ${types[0]}`);
  }
});

test('a limit of servers, images, volumes and networks is said in each service’s own words, and is what its quotas show', async (t) => {
  const cloud = await startCloud(t);
  const { alice, imageId } = cloud;
  const limits = await limitsOf(cloud);
  const { body: flavors } = await alice.compute.flavors.list();
  const make = {
    server: () => alice.compute.servers.create({ body: { server: { name: 's', flavorRef: flavors.flavors[0]!.id, imageRef: imageId, networks: [] } } }),
    image: () => alice.image.images.create({ body: { name: 'i', disk_format: 'raw', container_format: 'bare' } }),
    volume: () => alice.volume.volumes.create({ params: { project_id: alice.projectId }, body: { volume: { size: 1 } } }),
    network: () => alice.network.networks.create({ body: { network: {} } }),
  };
  for (const [type, name, resource] of [['compute', 'servers', 'compute.instances'], ['image', 'image_count_total', 'image.images'], ['volumev3', 'volumes', 'volume.volumes'], ['network', 'network', 'network.network']] as const) {
    await limits.register(type, name, 50);
    await limits.limit(type, name, { project_id: alice.projectId, resource_limit: 1 });
    await until(cloud, async () => (await countedLimit(cloud, alice.projectId, resource)) === 1);
  }

  const [, image] = [await make.server(), await make.image(), await make.volume(), await make.network()];

  await assert.rejects(make.server(), { status: 403 });
  await assert.rejects(make.image(), { status: 413 });
  await assert.rejects(make.volume(), { status: 413 });
  await assert.rejects(make.network(), { status: 409 });
  await limits.register('image', 'image_count_uploading', 0);
  await until(cloud, async () => (await countedLimit(cloud, alice.projectId, 'image.uploads')) === 0);
  await assert.rejects(alice.image.imageData.upload({ params: { image_id: image.body.id! }, body: Buffer.from('x') as never }), { status: 413 });
  assert.equal((await alice.compute.limits.show()).body.limits.absolute.maxTotalInstances, 1);
  assert.equal((await alice.network.quotas.show({ params: { project_id: alice.projectId } })).body.quota.network, 1);
});

test('a limit that is raised, lowered or taken away counts at once, and takes nothing away that is there', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin } = cloud;
  const limits = await limitsOf(cloud);
  const { id: registered } = await limits.register('network', 'network', 1);
  await becomes(cloud, alice.projectId, 1);
  const make = () => alice.network.networks.create({ body: { network: {} } });
  await make();
  await assert.rejects(make(), { status: 409 });

  assert.equal((await alice.network.quotas.defaults({ params: { project_id: alice.projectId } })).body.quota.network, 1);

  const { id } = await limits.limit('network', 'network', { project_id: alice.projectId, resource_limit: 3 });
  await becomes(cloud, alice.projectId, 3);
  for (const _ of [2, 3]) await make();
  await assert.rejects(make(), { status: 409 });

  await admin.identity.limits.update({ params: { limit_id: id }, body: { limit: { resource_limit: 2 } } });
  await becomes(cloud, alice.projectId, 2);
  assert.equal((await alice.network.networks.list({ query: { project_id: [alice.projectId] } })).body.networks.filter(({ project_id: owner }) => owner === alice.projectId).length, 3);
  await assert.rejects(make(), { status: 409 });

  // The service's own quota counts beside it, and never makes more of it.
  await admin.network.quotas.update({ params: { project_id: alice.projectId }, body: { quota: { network: 90 } } });
  await admin.identity.limits.delete({ params: { limit_id: id } });
  await becomes(cloud, alice.projectId, 1);
  await admin.identity.registeredLimits.delete({ params: { registered_limit_id: registered } });
  await becomes(cloud, alice.projectId, 90);
  await make();
  assert.deepEqual(await cloud.diagnose(), []);
});

test('with two strict levels the projects of a domain have together no more than it has, over all regions and however many ask at once (FAILURES 11)', async (t) => {
  const cloud = await startCloud(t);
  const { admin } = cloud;
  const limits = await limitsOf(cloud);
  const { domain } = (await admin.identity.domains.create({ body: { domain: { name: 'acme' } } })).body;
  await admin.identity.domainConfig.create({ params: { domain_id: 'default' }, body: { config: { unified_limit: { enforcement_model: 'strict_two_level' } } } });
  const [one, other] = [await memberOf(cloud, domain.id, 'one'), await memberOf(cloud, domain.id, 'other')];
  await limits.register('network', 'network', 4);
  await limits.limit('network', 'network', { domain_id: domain.id, resource_limit: 5 });
  await becomes(cloud, one.projectId, 4);
  assert.equal((await admin.identity.limits.model()).body.model.name, 'strict_two_level');

  const isFull = (who: typeof one, at?: string) => inTime(cloud, assert.rejects(who.network(at).networks.create({ body: { network: {} } }), { status: 409 }));
  // Who holds what is needed is asked to give it back, and has so long to answer.
  const makes = (who: typeof one, at?: string) => until(cloud, () => isMade(() => who.network(at).networks.create({ body: { network: {} } })));
  const deletesOne = async () => {
    const [first] = (await one.network().networks.list({ query: { project_id: [one.projectId] } })).body.networks;
    await one.network().networks.delete({ params: { network_id: first!.id! } });
  };

  for (let made = 0; made < 4; made++) await makes(one);
  await isFull(one);
  await makes(other);
  await isFull(other);
  await deletesOne();
  await makes(other);
  // As many at once as there are, for the one that is left after a delete.
  await deletesOne();
  const rush = await inTime(cloud, Promise.all(Array.from({ length: 8 }, (_, index) => isMade(() => (index % 2 === 0 ? one : other).network().networks.create({ body: { network: {} } })))));
  assert.ok(rush.filter(Boolean).length <= 1);
  if (!rush.includes(true)) await makes(one);
  // Another domain has its own.
  await cloud.alice.network.networks.create({ body: { network: {} } });

  const two = await addRegion(t, cloud, 'two');
  await isFull(other, two.name);
  await deletesOne();
  await makes(other, two.name);
  await isFull(one);

  await admin.identity.domainConfig.delete({ params: { domain_id: 'default' } });
  await makes(one);
});

test('a limit of one region counts what is used there, and another region has its own', async (t) => {
  const cloud = await startCloud(t);
  const two = await addRegion(t, cloud, 'two');
  const { alice } = cloud;
  const there = alice.client(network, `http://${two.name}.example`);
  const limits = await limitsOf(cloud);
  await limits.register('network', 'network', 1, region);
  await limits.register('network', 'network', 2, two.name);
  await becomes(cloud, alice.projectId, 1);
  await until(cloud, async () => (await two.cloud.region.database.read(scope, (tx) => quotaUsage(tx, alice.projectId, ['network.network'])))['network.network']!.limit === 2);

  await alice.network.networks.create({ body: { network: {} } });
  for (const _ of [1, 2]) await there.networks.create({ body: { network: {} } });

  await assert.rejects(alice.network.networks.create({ body: { network: {} } }), { status: 409 });
  await assert.rejects(there.networks.create({ body: { network: {} } }), { status: 409 });
});

async function limitsOf({ admin }: TestCloud) {
  const { services } = (await admin.identity.services.list()).body;
  const serviceId = (type: string) => services.find((each) => each.type === type)!.id;
  return {
    async register(type: string, name: string, amount: number, regionId?: string) {
      const made = await admin.identity.registeredLimits.create({ body: { registered_limits: [{ service_id: serviceId(type), resource_name: name, default_limit: amount, ...(regionId === undefined ? {} : { region_id: regionId }) }] } });
      return made.body.registered_limits[0]!;
    },
    async limit(type: string, name: string, limit: { project_id?: string; domain_id?: string; resource_limit: number }) {
      const made = await admin.identity.limits.create({ body: { limits: [{ service_id: serviceId(type), resource_name: name, ...limit }] } });
      return made.body.limits[0]!;
    },
  };
}

async function memberOf(cloud: TestCloud, domainId: string, name: string) {
  const { identity: of } = cloud.admin;
  const { project } = (await of.projects.create({ body: { project: { name, domain_id: domainId } } })).body;
  const { user } = (await of.users.create({ body: { user: { name, domain_id: domainId, password: 'a long enough secret' } } })).body;
  const member = (await of.roles.list({ query: { name: 'member' } })).body.roles[0]!;
  await of.projectUserGrants.create({ params: { project_id: project.id, user_id: user.id, role_id: member.id } });
  const token = async () => {
    const reply = await createClient(identity, { base: 'http://cloud.example', fetch: cloud.fetch }).tokens.create({
      body: { auth: { identity: { methods: ['password'], password: { user: { id: user.id, password: 'a long enough secret' } } }, scope: { project: { id: project.id } } } },
    });
    return reply.headers.get('x-subject-token') ?? '';
  };
  const network_ = (at?: string) => createClient(network, { base: at === undefined ? 'http://cloud.example' : `http://${at}.example`, fetch: cloud.fetch, token });
  return { projectId: project.id, network: network_ };
}

async function countedLimit({ cloud: { region: { database } } }: TestCloud, projectId: string, resource: QuotaResource): Promise<number> {
  return (await database.read(scope, (tx) => quotaUsage(tx, projectId, [resource])))[resource]!.limit;
}

function becomes(cloud: TestCloud, projectId: string, limit: number): Promise<void> {
  return until(cloud, async () => (await countedLimit(cloud, projectId, 'network.network')) === limit);
}

async function isMade(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch {
    return false;
  }
}
