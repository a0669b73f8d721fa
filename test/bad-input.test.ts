/** Every operation, asked wrongly: always refused in the service's own words and shape, never our fault, and nothing has changed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TSchema } from 'typebox';
import { addressOf } from '../contract/client.ts';
import { dice, weirdPathValues, weirdQueryValues, wrongBodies, type Dice } from './bad-values.ts';
import { bodyFor } from './bodies.ts';
import { startCloud, type Person, type TestCloud } from './cloud.ts';
import { changes, everyOperation, type Promised } from './operations.ts';
import { preparations } from './preparations.ts';
import { ask, unlikeItsService, type Asked, type Reply } from './requests.ts';
import { objectStoreNames, objectStoreOptions } from './object-store-things.ts';
import { nodeOf, sample } from './samples.ts';
import { paramsFor, thingNamed, thingsOf, unique, type ThingName } from './things.ts';

const seed = Number(process.env['TEST_SEED'] ?? 20_260_101);
const mostBodies = 60;
const mostQueries = 40;

/** Text of the caller's choice, of which any is right. */
const free: readonly ThingName[] = ['tag', 'metadata key', 'extra spec', 'network label', 'resource class', 'compute extension', 'network extension'];

/** Operations that answer to an id that nobody has; with the reason. */
const quotas = 'no service asks identity whether a project exists, unless it is configured to: limits can be set before the project comes, and an unknown one has the defaults';
const classes = 'any name is one of a class of quotas, whoever is in it (cinder/api/contrib/quota_classes.py, nova/api/openstack/compute/quota_classes.py)';
const answersUnknown: Record<string, string> = {
  'compute.quotaSets.update': quotas,
  'compute.quotaSets.delete': quotas,
  'compute.quotaSets.defaults': quotas,
  'volumev3.limits.defaultQuota': quotas,
  'volumev3.limits.updateQuota': quotas,
  'volumev3.limits.deleteQuota': quotas,
  'compute.quotaClasses.show': classes,
  'compute.quotaClasses.update': classes,
  'compute.hypervisors.search': 'part of a name is looked for, and any text may be part of one',
  'compute.hypervisors.servers': 'part of a name is looked for, and any text may be part of one',
  'volumev3.limits.showClass': classes,
  'volumev3.limits.updateClass': classes,
  'volumev3.defaultTypes.set': 'a region goes on without home, so it does not ask whether a project exists: its default type can be set before it comes',
  'volumev3.defaultTypes.unset': 'who has none set has none afterwards (cinder/api/v3/default_types.py)',
  'network.defaultSecurityGroupRules.show': 'with which rules groups begin is for everybody to see',
  'network.quotas.defaults': quotas,
  'network.quotas.update': quotas,
  'network.quotas.reset': quotas,
  'placement.allocations.show': 'placement has no list of consumers: one without claims has an empty set of them (allocation.py, list_for_consumer)',
  'identity.regions.createNamed': 'PUT makes the region of this name, whatever it is (keystone/api/regions.py, RegionResource.put)',
  'identity.accessTokens.list': 'keystone filters by the user and does not look for it (oauth1/backends/sql.py)',
  'identity.applicationCredentials.list': 'keystone filters by the user and does not look for it (application_credential/backends/sql.py)',
  ...objectStoreOptions,
  ...objectStoreNames,
};

test(`a wrong body is refused and changes nothing (seed ${seed}) (FAILURES 20)`, async (t) => {
  const cloud = await startCloud(t);
  const roll = dice(seed);
  const things = thingsOf(cloud, { fresh: true });
  const wrong: string[] = [];
  let [tried, tolerated] = [0, 0];
  const operations = everyOperation().filter(({ operation }) => operation.body !== undefined && operation.body !== 'stream');
  const params = new Map<string, Record<string, string>>();
  for (const promised of operations) {
    params.set(promised.id, await paramsFor(promised, things));
    await bodyFor(promised, things);
  }
  await cloud.settle();
  await cloud.rest();
  for (const promised of operations) {
    const schema = promised.operation.body as TSchema;
    const asked = { params: params.get(promised.id) ?? {} };
    const bodies = wrongBodies(schema, sample(schema, { whole: true, unique }), roll, mostBodies);
    const refused = bodies.filter((each) => each.refused);
    tried += refused.length;
    wrong.push(...(await withoutTrace(cloud, promised, async () => {
      const found: string[] = [];
      for (const { title, text } of refused) found.push(...(await judge(cloud, promised, { ...asked, text }, title, true)));
      return found;
    })));
    for (const { title, text } of bodies.filter(({ refused }) => !refused)) {
      tolerated += 1;
      wrong.push(...(await judge(cloud, promised, { ...asked, text }, title, false)));
    }
  }
  t.diagnostic(`${tried} wrong bodies and ${tolerated} odd ones for ${operations.length} operations`);
  assert.deepEqual(wrong, []);
  assert.ok(tried > 3000, `only ${tried} were tried`);
});

test(`a wrong id in a path is refused and changes nothing`, async (t) => {
  const cloud = await startCloud(t);
  const [things, foreign] = [thingsOf(cloud), thingsOf(cloud, { owner: cloud.bob })];
  const wrong: string[] = [];
  let tried = 0;
  // What makes a thing of any name goes last, or the others would find it.
  const makesAny = (id: string) => Number(id === 'identity.regions.createNamed' || id in objectStoreNames);
  const operations = everyOperation().filter(({ params }) => params.length > 0).toSorted((one, other) => makesAny(one.id) - makesAny(other.id));
  const asked = new Map<string, Asked & { params: Record<string, string> }>();
  for (const promised of operations) asked.set(promised.id, { params: await paramsFor(promised, things), body: await bodyFor(promised, things) });
  const foreigners = new Map<string, Record<string, string>>();
  for (const promised of operations.filter(isTenants)) foreigners.set(promised.id, await paramsFor(promised, foreign));
  await cloud.settle();
  await cloud.rest();
  for (const promised of operations) {
    const right = asked.get(promised.id)!;
    // The first parameter: what comes after it cannot be found without it.
    const [param = ''] = promised.params;
    const mustRefuse = !free.includes(thingNamed(promised, param)) && !(promised.id in answersUnknown);
    const others = foreigners.get(promised.id);
    tried += weirdPathValues.length + (others ? 1 : 0);
    const judged = async () => {
      const found: string[] = [];
      for (const value of weirdPathValues) {
        const address = addressWith(promised, right.params, param, value);
        found.push(...(await judge(cloud, promised, { ...right, address }, `{${param}} is ${value.slice(0, 40)}`, mustRefuse)));
      }
      if (others) found.push(...(await judge(cloud, promised, { ...right, params: others }, `{${param}} is bob's`, !(promised.id in answersUnknown))));
      return found;
    };
    wrong.push(...(promised.id in answersUnknown ? await judged() : await withoutTrace(cloud, promised, judged)));
  }
  t.diagnostic(`${tried} wrong paths for ${operations.length} operations`);
  assert.deepEqual(wrong, []);
});

test(`a wrong query breaks nothing (seed ${seed})`, async (t) => {
  const cloud = await startCloud(t);
  const roll = dice(seed);
  const things = thingsOf(cloud);
  const wrong: string[] = [];
  let tried = 0;
  const operations = everyOperation().filter((promised) => !changes(promised) && promised.operation.response !== 'stream');
  const params = new Map<string, Record<string, string>>();
  for (const promised of operations) params.set(promised.id, await paramsFor(promised, things));
  await cloud.settle();
  await cloud.rest();
  for (const promised of operations) {
    for (const query of queriesFor(promised, roll)) {
      tried += 1;
      const address = `${addressOf('', promised.service, promised.operation, { params: params.get(promised.id) ?? {} })}?${query}`;
      wrong.push(...(await judge(cloud, promised, { address }, `?${query.slice(0, 80)}`, query.includes('%00'))));
    }
  }
  t.diagnostic(`${tried} wrong queries for ${operations.length} operations`);
  assert.deepEqual(wrong, []);
});

function queriesFor({ operation }: Promised, roll: Dice): string[] {
  const names = [...Object.keys(nodeOf(nodeOf(operation.query)['properties'])), 'nobody_knows_this'];
  const all = names.flatMap((name) => [...weirdQueryValues.map((value) => `${encodeURIComponent(name)}=${value}`), `${encodeURIComponent(name)}=1&${encodeURIComponent(name)}=2`, `${encodeURIComponent(name)}[]=1`]);
  // NULs of unknown parameters reach nothing.
  const kept = all.filter((query) => !(query.startsWith('nobody') && query.includes('%00')));
  while (kept.length > mostQueries) kept.splice(roll(kept.length), 1);
  return kept;
}

function addressWith({ service, operation }: Promised, params: Record<string, string>, param: string, value: string): string {
  const marked = addressOf('', service, operation, { params: { ...params, [param]: 'THE-PARAMETER' } });
  return marked.replace('THE-PARAMETER', () => value);
}

/** Its things belong to projects; those of the cloud itself are nobody's secret. */
function isTenants({ service, operation }: Promised): boolean {
  const { who } = operation.access;
  return ['compute', 'network', 'volumev3', 'object-store'].includes(service.type) && (who === 'reader' || who === 'member') && !/^\/(flavors|types|group_types|extensions)\b/.test(operation.path);
}

/** The one who may and has the least: a refusal for want of a right would hide what is tried. */
function callerOf(cloud: TestCloud, { operation, service }: Promised): Person {
  const { who } = operation.access;
  return who === 'admin' || who === 'service' || who === 'manager' || who === 'renter' || service.type === 'identity' ? cloud.admin : cloud.alice;
}

async function judge(cloud: TestCloud, promised: Promised, asked: Asked, title: string, mustRefuse: boolean): Promise<string[]> {
  const reply = await ask(cloud, callerOf(cloud, promised), promised, asked);
  const what = `${promised.id} with ${title}`;
  if (reply.status >= 500 && reply.status !== preparations[promised.id]?.refused?.status) return [`${what}: ${brief(reply)}`];
  if (mustRefuse && reply.status < 400) return [`${what} was not refused: ${brief(reply)}`];
  const unlike = reply.status >= 400 ? unlikeItsService(promised, reply) : undefined;
  return unlike === undefined ? [] : [`${what} ${unlike}`];
}

/** What `judged` finds wrong, and whether it changed anything. */
async function withoutTrace(cloud: TestCloud, promised: Promised, judged: () => Promise<string[]>): Promise<string[]> {
  const before = await cloud.digest();
  const found = await judged();
  const after = await cloud.digest();
  const changed = [...after].filter(([table, digest]) => before.get(table) !== digest).map(([table]) => table);
  return changed.length === 0 ? found : [...found, `${promised.id}, refused, changed ${changed.join(', ')}`];
}

function brief({ status, text }: Reply): string {
  return `${status} ${text.slice(0, 200)}`;
}

