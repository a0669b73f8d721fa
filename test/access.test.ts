/** Every operation, asked by everybody: who may is served as promised, who may not is refused and has changed nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectsOf, type Who } from '../contract/contract.ts';
import { bodyFor } from './bodies.ts';
import { startCloud, type Person, type TestCloud } from './cloud.ts';
import { changes, everyOperation, type Promised } from './operations.ts';
import { imageThingsOfAll } from './image-things.ts';
import { objectStoreOptions } from './object-store-things.ts';
import { operatorThings } from './operator-things.ts';
import { preparations } from './preparations.ts';
import { ask, broken, unlikeItsService, type Asked, type Reply } from './requests.ts';
import { paramsFor, thingsOf, type Things } from './things.ts';

const ranks: Record<Who, number> = { anyone: 0, user: 1, reader: 2, member: 3, manager: 4, renter: 5, admin: 5, service: 5 };
const everybody = [
  { name: 'nobody', rank: 0 },
  { name: 'reader', rank: 2 },
  { name: 'alice', rank: 3 },
] as const;

/** Things that are everyone's, or whose right answer to a stranger is not a refusal; with the reason. */
const shared: Record<string, string> = {
  'identity.tokens.create': 'whoever knows the password is the user',
  'identity.oauth2Tokens.create': 'whoever knows the secret is the client',
  'identity.users.changePassword': 'whoever knows the password is the user',
  'compute.quotaSets.defaults': 'nova answers any id: the defaults are no secret (quota_sets.py, defaults)',
  'image.members.show': 'the image is shared with bob: he sees his own share',
  'image.members.update': 'it is for bob, with whom the image is shared, to accept it',
  'compute.imageProxies.list': 'bob has accepted the image that is shared with him',
  'compute.imageProxies.detail': 'bob has accepted the image that is shared with him',
  'network.quotas.defaults': 'the defaults are no secret',
  'volumev3.transfers.accept': 'whoever has the key may take the volume',
  'volumev3.limits.defaultQuota': 'the defaults are no secret',
  'intercloud-federation.regions.join': 'whoever was invited may join',
  ...objectStoreOptions,
};

test('who may not call an operation is refused, and nothing has changed', async (t) => {
  const cloud = await startCloud(t);
  await liftQuotas(cloud);
  const things = thingsOf(cloud);
  const asked = new Map<string, Asked>();
  for (const promised of everyOperation()) asked.set(promised.id, await requestFor(promised, things));
  await cloud.settle();
  await cloud.rest();

  const wrong: string[] = [];
  let tried = 0;
  let before = await cloud.digest();
  for (const promised of everyOperation()) {
    const { access } = promised.operation;
    for (const { name, rank } of everybody) {
      if (access.who === 'anyone' || rank >= ranks[access.who]) continue;
      const reply = await ask(cloud, name === 'nobody' ? undefined : cloud[name], promised, asked.get(promised.id) ?? {});
      tried += 1;
      // Who signs nothing is told by S3 that he may not.
      const expected = name === 'nobody' && promised.service.type !== 's3' ? 401 : 403;
      if (reply.status !== expected) wrong.push(`${promised.id} by ${name}: ${reply.status}, and not ${expected} ${brief(reply)}`);
      const unlike = unlikeItsService(promised, reply);
      if (unlike !== undefined) wrong.push(`${promised.id} by ${name} ${unlike}`);
    }
    before = await compare(cloud, before, `${promised.id}, refused,`, wrong);
  }
  t.diagnostic(`${tried} calls of ${asked.size} operations were to be refused`);
  assert.deepEqual(wrong, []);
  assert.ok(tried > asked.size, `only ${tried} calls were tried`);
});

test('a member of another project reaches nothing of this one, and changes nothing (ATTACKS 31)', async (t) => {
  const cloud = await startCloud(t);
  await liftQuotas(cloud);
  const things = thingsOf(cloud);
  const asked = new Map<string, Asked>();
  for (const promised of everyOperation()) asked.set(promised.id, await requestFor(promised, things));
  const alices = await ownIds(cloud, things);
  await cloud.settle();
  await cloud.rest();

  const wrong: string[] = [];
  let tried = 0;
  let before = await cloud.digest();
  for (const promised of everyOperation()) {
    const request = asked.get(promised.id) ?? {};
    const about = namedIn(JSON.stringify([request.params, request.body]), alices);
    if (about.length === 0 && changes(promised)) continue;
    const reply = await ask(cloud, cloud.bob, promised, request);
    tried += 1;
    if (reply.status >= 500) wrong.push(`${promised.id} by bob: ${brief(reply)}`);
    if (promised.id in shared) {
      before = await cloud.digest();
      continue;
    }
    if (about.length > 0 && ![400, 403, 404].includes(reply.status)) wrong.push(`${promised.id} by bob about ${about.join()}: ${brief(reply)}`);
    // Bob named them himself; only what he did not know is a leak.
    const leaked = namedIn(reply.text, alices).filter((id) => !about.includes(id));
    if (leaked.length > 0) wrong.push(`${promised.id} shows bob ${leaked.join(', ')}: ${brief(reply)}`);
    if (about.length > 0) before = await compare(cloud, before, `${promised.id} by bob`, wrong);
    else before = effectsOf(promised.operation) === 'own' ? await cloud.digest() : await compare(cloud, before, `${promised.id} by bob`, wrong);
  }
  t.diagnostic(`${tried} calls about what is another's`);
  assert.deepEqual(wrong, []);
  assert.ok(tried > 150, `only ${tried} calls were tried`);
});

test('who may is served, and every reply is as the contract says', async (t) => {
  const cloud = await startCloud(t);
  await liftQuotas(cloud);
  const common = thingsOf(cloud);
  const wrong: string[] = [];
  let tried = 0;
  for (const promised of inOrder(everyOperation())) {
    const own = preparations[promised.id];
    const things = changes(promised) || own ? thingsOf(cloud, { fresh: true, ...(own?.owner ? { owner: cloud[own.owner] } : {}) }) : common;
    const callers = own?.by ? [cloud[own.by]] : callersOf(cloud, promised);
    try {
      await own?.before?.(cloud, things);
      const request = { ...(await requestFor(promised, things)), ...(own?.body ? { body: await own.body(cloud, things) } : {}), ...(own?.query ? { query: await own.query(cloud, things) } : {}), ...(own?.headers ? { headers: await own.headers(cloud) } : {}) };
      for (const person of callers) {
        const reply = await ask(cloud, person, promised, request);
        tried += 1;
        if (own?.refused !== undefined) {
          if (reply.status !== own.refused.status) wrong.push(`${promised.id} by ${person.name}: ${brief(reply)}, and not ${own.refused.status}`);
        } else wrong.push(...broken(promised, reply).map((each) => `${promised.id} by ${person.name} ${each}${reply.status >= 400 ? ` ${brief(reply)}` : ''}`));
      }
      if (changes(promised)) await cloud.settle();
    } catch (error) {
      wrong.push(`${promised.id} could not be tried: ${String(error).slice(0, 400)}`);
    }
  }
  t.diagnostic(`${tried} calls were to be served`);
  // A region that these requests joined is nowhere, and doctor says so.
  wrong.push(...(await cloud.diagnose()).filter((finding) => !/^F1: .* was never heard of$/.test(finding)));
  assert.deepEqual(wrong, []);
});

/** Those who may and have the least; an administrator too, where it is only looked. */
function callersOf(cloud: TestCloud, promised: Promised): Person[] {
  const { who } = promised.operation.access;
  if (changes(promised)) return who === 'admin' || who === 'service' || who === 'manager' || who === 'renter' ? [cloud.admin] : [cloud.alice];
  // Whose it is, is identity's own rule: an administrator sees all of it.
  if (who === 'admin' || who === 'service' || who === 'manager' || (promised.service.type === 'identity' && who === 'user')) return [cloud.admin];
  if (who === 'member') return [cloud.alice];
  return promised.operation.access.adminEverywhere === true ? [cloud.reader, cloud.admin] : [cloud.alice];
}

/** What looks comes first, what deletes last: so that a thing is there for all. */
function inOrder(operations: Promised[]): Promised[] {
  const rank = ({ operation: { method } }: Promised) => (method === 'GET' || method === 'HEAD' ? 0 : method === 'DELETE' ? 2 : 1);
  return operations.toSorted((one, other) => rank(one) - rank(other));
}

async function requestFor(promised: Promised, things: Things): Promise<Asked> {
  return { params: await paramsFor(promised, things), body: await bodyFor(promised, things) };
}

/** Ids by which a stranger could reach something of alice's; what is everyone's is not among them. */
async function ownIds(cloud: TestCloud, things: Things): Promise<string[]> {
  const everyones = ['external network', 'flavor', 'extra spec', 'volume type', 'role', 'implied role', 'domain', 'service', 'endpoint', 'region', 'group', 'host', 'host name', 'storage host', 'hypervisor', 'resource class', 'compute extension', 'network extension', 'qos rule type', 'metadata key', 'config group', 'config option', 'registered limit', 'endpoint group', 'policy document', 'administrator', 'consumer', 'request token', 'access token', 'role of a trust', 'tag', 'image member', 'larger flavor', 'private flavor', 'private volume type', 'plain volume type', 'encrypted volume type', 'volume type encryption', 'encryption key name', 'QoS specification', 'group type', 'plain group type', 'quota class', 'cluster name', 'storage', 'invitation', 'federation region', 'region of this cloud', 'region that tells', 'stated hour', ...operatorThings, ...imageThingsOfAll] as const;
  const known = new Set(await Promise.all(everyones.map((name) => things.get(name))));
  return [...new Set([...(await things.ids()), cloud.alice.projectId, cloud.alice.userId])].filter((id) => !known.has(id));
}

/** As a whole: `n1`, which is a key pair's name, is not named by `n12`. */
function namedIn(text: string, ids: readonly string[]): string[] {
  return ids.filter((id) => new RegExp(`(?<![\\w-])${RegExp.escape(id)}(?![\\w-])`).test(text));
}

async function liftQuotas({ admin, alice }: TestCloud): Promise<void> {
  const { projectId } = alice;
  await admin.compute.quotaSets.update({ params: { tenant_id: projectId }, body: { quota_set: { instances: -1, cores: -1, ram: -1, key_pairs: -1 } } });
  await admin.volume.limits.updateQuota({ params: { project_id: projectId }, body: { quota_set: { volumes: -1, snapshots: -1, gigabytes: -1, backups: -1, backup_gigabytes: -1, groups: -1 } } });
  await admin.network.quotas.update({ params: { project_id: projectId }, body: { quota: { network: -1, subnet: -1, port: -1, router: -1, floatingip: -1, security_group: -1, security_group_rule: -1 } } });
}

async function compare(cloud: TestCloud, before: Map<string, string>, what: string, wrong: string[]): Promise<Map<string, string>> {
  const after = await cloud.digest();
  const changed = [...after].filter(([table, digest]) => before.get(table) !== digest).map(([table]) => table);
  if (changed.length > 0) wrong.push(`${what} changed ${changed.join(', ')}`);
  return after;
}

function brief({ status, text }: Reply): string {
  return `${status} ${text.slice(0, 200)}`;
}

