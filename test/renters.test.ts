/** Whoever was let in by `partner admit` has the run of his own domain, and of nothing beside it. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { letIn } from '../cli/partner-letting-in.ts';
import { Refused } from '../contract/client.ts';
import { bodyFor } from './bodies.ts';
import { startCloud, type Person, type TestCloud } from './cloud.ts';
import { objectStoreOptions } from './object-store-things.ts';
import { changes, everyOperation, type Promised } from './operations.ts';
import { imageThingsOfAll } from './image-things.ts';
import { operatorThings } from './operator-things.ts';
import { ask, type Asked, type Reply } from './requests.ts';
import { paramsFor, thingsOf, type ThingName, type Things } from './things.ts';
import { personIn } from './two-partners.ts';

const password = 'what was handed to the renter';

/** The renter, signed in in the domain and in a project that he made there. */
async function startRented(t: TestContext): Promise<{ cloud: TestCloud; domainId: string; renter: Person; inProject: Person }> {
  const cloud = await startCloud(t);
  const { domainId } = await letIn(cloud.admin.identity, { domain: 'rented', user: 'us', password });
  const [{ id } = { id: '' }] = (await cloud.admin.identity.users.list({ query: { domain_id: domainId } })).body.users;
  const account = { name: 'us', id, password, domainId };
  const renter = personIn(cloud, { ...account, projectId: '', scope: { domain: { id: domainId } } });
  const projectId = (await renter.identity.projects.create({ body: { project: { name: 'first', domain_id: domainId } } })).body.project.id;
  return { cloud, domainId, renter, inProject: personIn(cloud, { ...account, projectId, scope: { project: { id: projectId } } }) };
}

test('a renter makes projects and people in his domain, and says how much his projects may have and which outside addresses they use', async (t) => {
  const { cloud, domainId, renter, inProject } = await startRented(t);
  const { projectId } = inProject;

  const { user } = (await renter.identity.users.create({ body: { user: { name: 'eve', domain_id: domainId, password: 'x' } } })).body;
  const roles = new Map((await renter.identity.roles.list()).body.roles.map(({ id, name }) => [name, id]));
  for (const name of ['manager', 'member', 'reader']) await renter.identity.projectUserGrants.create({ params: { project_id: projectId, user_id: user.id, role_id: roles.get(name) ?? '' } });
  await renter.identity.projects.update({ params: { project_id: projectId }, body: { project: { description: 'ours' } } });
  await inProject.compute.quotaSets.update({ params: { tenant_id: projectId }, body: { quota_set: { cores: 77 } } });
  await inProject.volume.limits.updateQuota({ params: { project_id: projectId }, body: { quota_set: { gigabytes: 78 } } });
  await inProject.network.quotas.update({ params: { project_id: projectId }, body: { quota: { port: 79 } } });
  const [outside] = (await inProject.network.networks.list({ query: { 'router:external': ['true'] } })).body.networks;
  const [subnet] = (await inProject.network.subnets.list({ query: { network_id: [outside!.id!] } })).body.subnets;
  const address = (host: number) => subnet!.cidr!.replace(/\.\d+\/\d+$/, `.${host}`);
  const { router } = (await inProject.network.routers.create({ body: { router: { external_gateway_info: { network_id: outside!.id!, enable_snat: false, external_fixed_ips: [{ ip_address: address(77) }] } } } })).body;
  const { floatingip } = (await inProject.network.floatingIps.create({ body: { floatingip: { floating_network_id: outside!.id!, floating_ip_address: address(78) } } })).body;

  const { admin } = cloud;
  const said = [
    (await admin.compute.quotaSets.show({ params: { tenant_id: projectId } })).body.quota_set.cores,
    (await admin.volume.limits.showQuota({ params: { project_id: projectId } })).body.quota_set['gigabytes'],
    (await admin.network.quotas.show({ params: { project_id: projectId } })).body.quota.port,
    router!.external_gateway_info?.external_fixed_ips?.[0]?.ip_address,
    floatingip!.floating_ip_address,
  ];
  assert.deepEqual(said, [77, 78, 79, address(77), address(78)]);
  await inProject.network.routers.delete({ params: { router_id: router!.id } });
  await inProject.network.floatingIps.delete({ params: { floatingip_id: floatingip!.id } });
  await renter.identity.users.delete({ params: { user_id: user.id } });
  await renter.identity.projects.delete({ params: { project_id: projectId } });
});

test('a renter is no administrator: not of sizes, hosts, regions and roles, and not of who manages other domains', async (t) => {
  const { cloud, domainId, renter, inProject } = await startRented(t);
  const { alice, admin } = cloud;
  const roles = new Map((await admin.identity.roles.list()).body.roles.map(({ id, name }) => [name, id]));
  const [own] = (await renter.identity.users.list({ query: { domain_id: domainId } })).body.users;
  const grant = (role: string, place: string) => () => renter.identity.projectUserGrants.create({ params: { project_id: place, user_id: own!.id, role_id: roles.get(role) ?? '' } });
  const quota = { quota_set: { cores: 1 } };

  const tries: Record<string, () => Promise<unknown>> = {
    'makes a size': () => inProject.compute.flavors.create({ body: { flavor: { name: 'huge', vcpus: 64, ram: 1, disk: 1 } } }),
    'looks at hosts': () => inProject.compute.hypervisors.list(),
    'looks at all projects’ servers': () => inProject.compute.servers.detail({ query: { all_tenants: '1' } }),
    'makes itself administrator of its project': grant('admin', inProject.projectId),
    'makes somebody a renter': grant('renter', inProject.projectId),
    'lets itself into another’s project': grant('member', alice.projectId),
    'makes a domain': () => renter.identity.domains.create({ body: { domain: { name: 'another' } } }),
    'takes its domain away': () => renter.identity.domains.update({ params: { domain_id: domainId }, body: { domain: { enabled: false } } }),
    'makes a project elsewhere': () => renter.identity.projects.create({ body: { project: { name: 'x', domain_id: 'default' } } }),
    'says another’s compute limits': () => inProject.compute.quotaSets.update({ params: { tenant_id: alice.projectId }, body: quota }),
    'says another’s volume limits': () => inProject.volume.limits.updateQuota({ params: { project_id: alice.projectId }, body: { quota_set: { gigabytes: 1 } } }),
    'says another’s network limits': () => inProject.network.quotas.update({ params: { project_id: alice.projectId }, body: { quota: { port: 1 } } }),
    'says limits from outside a project': () => renter.compute.quotaSets.update({ params: { tenant_id: inProject.projectId }, body: quota }),
    'looks at the regions of the federation': () => renter.federation.regions.list(),
  };
  for (const [what, attempt] of Object.entries(tries)) await assert.rejects(attempt(), (error) => error instanceof Refused && [403, 404].includes(error.status), `a renter ${what}`);
});

/** What is no secret, or whoever has it may use it; with the reason. */
const allowed: Record<string, string> = {
  'identity.tokens.create': 'whoever knows the password is the user',
  'identity.oauth2Tokens.create': 'whoever knows the secret is the client',
  'identity.users.changePassword': 'whoever knows the password is the user',
  'compute.quotaSets.defaults': 'nova answers any id: the defaults are no secret (quota_sets.py, defaults)',
  'network.quotas.defaults': 'the defaults are no secret',
  'volumev3.limits.defaultQuota': 'the defaults are no secret',
  'volumev3.transfers.accept': 'whoever has the key may take the volume',
  'volumev3.volumeTransfers.accept': 'whoever has the key may take the volume',
  'intercloud-federation.regions.join': 'whoever was invited may join',
  ...objectStoreOptions,
};

/** Things that everybody may see. */
const everyones: readonly string[] = ['external network', 'flavor', 'extra spec', 'volume type', 'role', 'implied role', 'service', 'endpoint', 'region', 'compute extension', 'network extension', 'qos rule type', 'metadata key', 'config group', 'config option', 'tag', 'larger flavor', 'plain volume type', 'region of this cloud', 'quota class', 'group type', 'plain group type', 'registered limit', 'encryption key name', ...operatorThings, ...imageThingsOfAll];
const tooShort = 6;

test('a renter who asks every operation about what is another’s gets nothing and changes nothing', async (t) => {
  const { cloud, renter, inProject } = await startRented(t);
  const things = thingsOf(cloud);
  const asked = new Map<string, Asked>();
  for (const promised of everyOperation()) {
    const request = await requestFor(promised, things).catch(() => undefined);
    if (request) asked.set(promised.id, request);
  }
  // Neutron makes a project's own group when it is first looked for.
  await inProject.network.securityGroups.list();
  await cloud.settle();
  await cloud.rest();
  const secrets = await secretsOf(cloud, things);

  const wrong: string[] = [];
  let tried = 0;
  let before = await cloud.digest();
  for (const [type, operations] of Map.groupBy(everyOperation(), ({ service }) => service.type)) {
    for (const promised of operations.filter(({ id }) => asked.has(id) && !(id in allowed)))
      for (const [by, person] of [['in the domain', renter], ['in a project', inProject]] as const) {
        const request = asked.get(promised.id)!;
        const { who } = promised.operation.access;
        const sent = JSON.stringify([request.params, request.body]);
        const about = secrets.filter((secret) => sent.includes(secret));
        const forOperators = who === 'admin' || who === 'service';
        // What is about nothing of another's would be a change of one's own.
        if (changes(promised) && about.length === 0 && !forOperators) continue;
        const reply = await ask(cloud, person, promised, request);
        tried += 1;
        if (forOperators && reply.status !== 403) wrong.push(`${promised.id} ${by}: ${brief(reply)}, and not 403`);
        if (about.length > 0 && ![400, 403, 404].includes(reply.status)) wrong.push(`${promised.id} ${by} about ${about.join()}: ${brief(reply)}`);
        const told = secrets.filter((secret) => !sent.includes(secret) && reply.text.includes(secret));
        if (told.length > 0) wrong.push(`${promised.id} ${by} tells of ${told.join(', ')}: ${brief(reply)}`);
      }
    const after = await cloud.digest();
    const changed = [...after].filter(([table, digest]) => before.get(table) !== digest).map(([table]) => table);
    if (changed.length > 0) wrong.push(`something of ${type} changed ${changed.join(', ')}`);
    before = after;
  }
  t.diagnostic(`${tried} calls about what is another's, of ${asked.size} operations`);
  assert.deepEqual(wrong, []);
  assert.ok(tried > 800, `only ${tried} calls were tried`);
});

async function requestFor(promised: Promised, things: Things): Promise<Asked> {
  return { params: await paramsFor(promised, things), body: await bodyFor(promised, things) };
}

/** All that was made for somebody else, and who they are; the administrator's name is on what everybody sees. */
async function secretsOf({ alice, bob, admin }: TestCloud, things: Things): Promise<string[]> {
  const roles = (await admin.identity.roles.list()).body.roles.map(({ id }) => id);
  const seen = new Set([...roles, ...(await Promise.all(everyones.map((each) => things.get(each as ThingName).catch(() => '')))), things.imageId]);
  const made = (await things.ids()).filter((id) => id.length >= tooShort && !seen.has(id));
  return [...new Set([...made, ...[alice, bob].flatMap(({ projectId, userId }) => [projectId, userId])])];
}

function brief({ status, text }: Reply): string {
  return `${status} ${text.slice(0, 200)}`;
}
