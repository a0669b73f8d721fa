/** Partner A's people ask every operation about partner B's things: they get nothing, change nothing, and learn of nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectsOf } from '../contract/contract.ts';
import { virtualRegion, virtualServices } from '../contract/virtual.ts';
import { bodyFor } from './bodies.ts';
import { startCloud, type Person, type TestCloud } from './cloud.ts';
import { changes, everyOperation, type Promised } from './operations.ts';
import { objectStoreOptions } from './object-store-things.ts';
import { imageThingsOfAll } from './image-things.ts';
import { operatorThings } from './operator-things.ts';
import { ask, type Asked, type Reply } from './requests.ts';
import { addRegion } from './several-regions.ts';
import { paramsFor, thingsOf, type ThingName, type Things } from './things.ts';
import { makePartner, type Side } from './two-partners.ts';

/** What is no secret, or whoever has it may use it; with the reason. */
const allowed: Record<string, string> = {
  'identity.tokens.create': 'whoever knows the password is the user',
  'identity.oauth2Tokens.create': 'whoever knows the secret is the client',
  'identity.users.changePassword': 'whoever knows the password is the user',
  'compute.quotaSets.defaults': 'nova answers any id: the defaults are no secret (quota_sets.py, defaults)',
  'network.quotas.defaults': 'the defaults are no secret',
  'volumev3.limits.defaultQuota': 'the defaults are no secret',
  'volumev3.transfers.accept': 'whoever has the key may take the volume',
  'intercloud-federation.regions.join': 'whoever was invited may join',
  ...objectStoreOptions,
};

/** Things that are the operator's own: seen by everybody, or by him alone. */
const operators: readonly string[] = ['external network', 'flavor', 'extra spec', 'volume type', 'role', 'implied role', 'service', 'endpoint', 'region', 'host', 'host name', 'storage host', 'hypervisor', 'resource class', 'compute extension', 'network extension', 'qos rule type', 'metadata key', 'config group', 'config option', 'tag', 'larger flavor', 'private flavor', 'private volume type', 'plain volume type', 'invitation', 'federation region', 'region of this cloud', 'quota class', 'group type', 'plain group type', 'registered limit', 'encryption key name', ...operatorThings, ...imageThingsOfAll];

const tooShort = 6;

test('the people of one partner reach nothing of another, change nothing, and do not learn that there is one', async (t) => {
  const cloud = await startCloud(t);
  const two = await addRegion(t, cloud, 'two');
  const [acme, globex] = [await makePartner(cloud, 'acme', { regions: ['RegionOne', two.name] }), await makePartner(cloud, 'globex', { regions: ['RegionOne', two.name, 'of globex only'] })];
  await liftQuotas(cloud, globex.customer);
  const known: Partial<Record<ThingName, string>> = { domain: globex.domainId, 'billing account': globex.accountId, 'branded account': globex.accountId, project: globex.customer.projectId, user: globex.customer.userId };
  const things = thingsOf(cloud, { owner: globex.customer, known });
  const asked = new Map<string, Asked>();
  const unmade: string[] = [];
  for (const promised of everyOperation()) {
    const request = await requestFor(promised, things).catch((error: unknown) => void unmade.push(`${promised.id}: ${String(error).slice(0, 160)}`));
    if (request) asked.set(promised.id, request);
  }
  await cloud.settle();
  await cloud.rest();
  const secrets = await secretsOf(cloud, globex, things);

  const wrong: string[] = [];
  let [tried, triedAnywhere] = [0, 0];
  let before = await cloud.digest();
  for (const promised of everyOperation()) {
    const request = asked.get(promised.id);
    if (!request) continue;
    const sent = JSON.stringify([request.params, request.body]);
    const about = secrets.filter((secret) => sent.includes(secret));
    // What is about nothing of the other's would be a change of one's own.
    if (about.length === 0 && changes(promised)) continue;
    const spanning = virtualServices.find(({ type }) => type === promised.service.type);
    const askings: { person: Person; of: Promised; by: string }[] = [
      ...[acme.customer, acme.manager].map((person) => ({ person, of: promised, by: person.name })),
      ...(spanning ? [{ person: acme.customer, of: { ...promised, service: { ...promised.service, path: spanning.path } }, by: `${acme.customer.name} ${virtualRegion}` }] : []),
    ];
    for (const { person, of, by } of askings) {
      const reply = await ask(cloud, person, of, request);
      tried += 1;
      if (spanning !== undefined && of !== promised) triedAnywhere += 1;
      if (reply.status >= 500) wrong.push(`${promised.id} by ${by}: ${brief(reply)}`);
      if (promised.id in allowed) continue;
      if (about.length > 0 && ![400, 403, 404].includes(reply.status)) wrong.push(`${promised.id} by ${by} about ${about.join()}: ${brief(reply)}`);
      // He named them himself; only what he did not know is told.
      const told = secrets.filter((secret) => !sent.includes(secret) && reply.text.includes(secret));
      if (told.length > 0) wrong.push(`${promised.id} tells ${by} of ${told.join(', ')}: ${brief(reply)}`);
    }
    before = await compare(cloud, before, promised, wrong);
  }
  t.diagnostic(`${tried} calls about what is another partner's, ${triedAnywhere} of them through ${virtualRegion}; ${unmade.length} operations could not be asked`);
  assert.deepEqual(wrong, []);
  assert.ok(tried > 300 && triedAnywhere > 100, `only ${tried} calls were tried, and ${triedAnywhere} through ${virtualRegion}`);
  assert.ok(unmade.length < 80, unmade.join('\n'));
});

/** Ids and names by which somebody would know the other partner. */
async function secretsOf({ bob, alice, admin }: TestCloud, { name, domainId, accountId, host, support, customer, manager }: Side, things: Things): Promise<string[]> {
  const roles = (await admin.identity.roles.list()).body.roles.map(({ id }) => id);
  const everyones = new Set([...roles, ...(await Promise.all(operators.map((each) => things.get(each as ThingName).catch(() => '')))), things.imageId, ...[bob, alice, admin].flatMap((person) => [person.projectId, person.userId])]);
  const made = (await things.ids()).filter((id) => id.length >= tooShort && !everyones.has(id));
  return [...new Set([...made, name, domainId, accountId, host, support, 'of globex only', customer.projectId, customer.userId, manager.userId])];
}

async function requestFor(promised: Promised, things: Things): Promise<Asked> {
  return { params: await paramsFor(promised, things), body: await bodyFor(promised, things) };
}

async function compare(cloud: TestCloud, before: Map<string, string>, promised: Promised, wrong: string[]): Promise<Map<string, string>> {
  const after = await cloud.digest();
  const changed = [...after].filter(([table, digest]) => before.get(table) !== digest).map(([table]) => table);
  const mayChange = promised.id in allowed || (!changes(promised) && effectsOf(promised.operation) === 'own');
  if (changed.length > 0 && !mayChange) wrong.push(`${promised.id} changed ${changed.join(', ')}`);
  return after;
}

async function liftQuotas({ admin }: TestCloud, { projectId }: Person): Promise<void> {
  await admin.compute.quotaSets.update({ params: { tenant_id: projectId }, body: { quota_set: { instances: -1, cores: -1, ram: -1, key_pairs: -1 } } });
  await admin.volume.limits.updateQuota({ params: { project_id: projectId }, body: { quota_set: { volumes: -1, snapshots: -1, gigabytes: -1 } } });
  await admin.network.quotas.update({ params: { project_id: projectId }, body: { quota: { network: -1, subnet: -1, port: -1, router: -1, floatingip: -1, security_group: -1, security_group_rule: -1 } } });
}

function brief({ status, text }: Reply): string {
  return `${status} ${text.slice(0, 200)}`;
}
