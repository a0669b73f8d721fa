/** Every way of handing rights on, one upon another in any order, against a model that knows only sets (ATTACKS 13, 14). */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { excessOf, mintable, type Rights, type Wish } from './delegation.ts';
import { identityFixture, type Parsed } from './fixture.ts';

const moments = [1, 2, 3].map((day) => new Date(Date.UTC(2099, 0, day)));
const rules = ['/a', '/b'].map((path) => ({ service: 'compute', method: 'GET', path }));
const somePlaces: Rights['place'][] = ['nowhere', 'anywhere', { kind: 'project', id: 'p' }, { kind: 'project', id: 'q' }, { kind: 'domain', id: 'p' }, { kind: 'system' }];

const someRights: fc.Arbitrary<Rights> = fc.record({
  ownerId: fc.constantFrom('alice', 'bob'),
  place: fc.constantFrom(...somePlaces),
  roles: fc.oneof(fc.constant('any' as const), fc.subarray([1, 2, 3]).map((numbers) => new Set(numbers))),
  endsAt: fc.constantFrom(null, ...moments),
  accessRules: fc.oneof(fc.constant(null), fc.subarray(rules)),
  impersonation: fc.boolean(),
  redelegations: fc.nat(4),
  mints: fc.subarray([...mintable]),
});
const someWish: fc.Arbitrary<Wish> = fc.tuple(someRights, fc.constantFrom(...mintable)).map(([rights, kind]) => ({ ...rights, kind }));

/** Everything that could be done with them, one by one, in a small world. */
function deeds({ ownerId, place, roles, endsAt, accessRules, impersonation }: Rights): Set<string> {
  const places = place === 'anywhere' ? somePlaces.filter((each) => typeof each === 'object') : place === 'nowhere' ? [] : [place];
  const numbers = roles === 'any' ? [1, 2, 3] : [...roles];
  const days = moments.filter((moment) => endsAt === null || moment <= endsAt).map(String);
  const paths = accessRules === null ? ['/a', '/b', '/c'] : accessRules.map(({ path }) => path);
  const all = places.flatMap((where) => numbers.flatMap((number) => [...days, ...(endsAt === null ? ['ever'] : [])].flatMap((day) => paths.flatMap((path) => (impersonation ? ['own name', 'owner'] : ['own name']).map((name) => JSON.stringify([ownerId, where, number, day, path, name]))))));
  return new Set(all);
}

test('what is within is within in everything that can be done with it, and what is not is not', () => {
  let within = 0;
  fc.assert(
    fc.property(someWish, someRights, (wish, rights) => {
      const excess = excessOf(wish, rights);
      if (excess !== undefined) return;
      within += 1;
      assert.ok(deeds(wish).isSubsetOf(deeds(rights)), JSON.stringify([wish, rights]));
      assert.ok(rights.mints.includes(wish.kind));
      assert.ok(wish.redelegations + (wish.kind === 'trust' ? 1 : 0) <= rights.redelegations);
    }),
    { numRuns: 20_000 },
  );
  assert.ok(within > 20, `only ${within} were within`);
});

test('each excess is found by itself', () => {
  const widen: Record<string, (rights: Rights) => Rights> = {
    owner: (rights) => ({ ...rights, ownerId: rights.ownerId === 'alice' ? 'bob' : 'alice' }),
    place: (rights) => ({ ...rights, place: 'anywhere' }),
    roles: (rights) => ({ ...rights, roles: 'any' }),
    end: (rights) => ({ ...rights, endsAt: null }),
    impersonation: (rights) => ({ ...rights, impersonation: true }),
    'access rules': (rights) => ({ ...rights, accessRules: null }),
    depth: (rights) => ({ ...rights, redelegations: rights.redelegations + 1 }),
  };
  const narrow = someRights.filter(({ place, roles, endsAt, accessRules, impersonation, mints }) => place !== 'anywhere' && roles !== 'any' && endsAt !== null && accessRules !== null && !impersonation && mints.includes('token'));
  fc.assert(
    fc.property(narrow, fc.constantFrom(...Object.keys(widen)), (rights, what) => {
      assert.equal(excessOf({ ...rights, kind: 'token' }, rights), undefined);
      assert.equal(excessOf({ ...widen[what]!(rights), kind: 'token' }, rights), what);
    }),
    { numRuns: 500 },
  );
});

test('what is within what is within is within', () => {
  fc.assert(
    fc.property(someWish, someWish, someRights, (inner, middle, outer) => {
      const [first, second] = [{ ...inner, kind: 'token' as const }, { ...middle, kind: 'token' as const }];
      if (excessOf(first, second) !== undefined || excessOf(second, outer) !== undefined) return;
      assert.equal(excessOf(first, outer), undefined);
    }),
    { numRuns: 20_000 },
  );
});

const ladder = ['reader', 'member', 'manager'] as const;
type Rung = (typeof ladder)[number];
const upTo = (role: string) => ladder.slice(0, ladder.indexOf(role as Rung) + 1);

/** Counted from the newest, for long chains. */
const from = fc.constantFrom(0, 0, 0, 1, 2);
const rung = fc.constantFrom(...ladder);
const project = fc.nat(1);
/** Null: where the token is. */
const there = fc.option(project, { freq: 1 });
const step = fc.oneof(
  fc.record({ do: fc.constant('grant' as const), who: fc.nat(1), role: rung, project }),
  fc.record({ do: fc.constant('revoke' as const), who: fc.nat(1), role: rung, project }),
  fc.record({ do: fc.constant('log in' as const), who: fc.nat(1), project }),
  fc.record({ do: fc.constant('rescope' as const), from, project: fc.option(project) }),
  fc.record({ do: fc.constant('credential' as const), from, role: fc.option(rung), unrestricted: fc.boolean() }),
  fc.record({ do: fc.constant('credential' as const), from: fc.constant(0), role: rung, unrestricted: fc.constant(true) }),
  fc.record({ do: fc.constant('trust' as const), from, role: rung, project: there, impersonation: fc.boolean() }),
  fc.record({ do: fc.constant('trust' as const), from: fc.constant(0), role: rung, project: fc.constant(null), impersonation: fc.constant(true) }),
  fc.record({ do: fc.constant('key' as const), from, project: there }),
  fc.record({ do: fc.constant('key' as const), from: fc.constant(0), project: fc.constant(null) }),
  fc.record({ do: fc.constant('use' as const), what: fc.nat(2) }),
  fc.record({ do: fc.constant('use' as const), what: fc.constant(0) }),
);

/** The most that it may be: whose rights, where, which of them, how many trusts may follow. */
type Limit = { owner: number; only: number | undefined; roles: ReadonlySet<string>; depth: number };

test('no graph of trusts, credentials, keys and tokens leads to a right that its owner has not, or has not handed on', async (t) => {
  const { ask, admin, person, role, identity, parts } = await identityFixture(t);
  const roleIds = new Map(await Promise.all(ladder.map(async (name) => [name, await role(name)] as const)));
  let [count, rights] = [0, 0];
  const made = new Map<string, number>();
  const everything = new Set<string>(ladder);

  const property = fc.asyncProperty(fc.array(step, { minLength: 12, maxLength: 36, size: 'max' }), async (steps) => {
    const people = [await person(`alice${++count}`, 'manager'), await person(`bob${count}`, 'member')];
    const projects = people.map(({ projectId }) => projectId);
    const granted = [[new Set(['manager']), new Set<string>()], [new Set<string>(), new Set(['member'])]];
    const tokens: { token: string; limit: Limit }[] = people.map(({ token }, owner) => ({ token, limit: { owner, only: undefined, roles: everything, depth: 4 } }));
    const things: { limit: Limit; use: () => Promise<{ status: number; headers: Record<string, unknown> }> }[] = [];
    const newest = <T>(list: readonly T[], back: number) => list.at(-1 - (back % Math.max(list.length, 1)));
    const proved = (who: number) => ({ methods: ['password'], password: { user: { id: people[who]!.id, password: people[who]!.password } } });
    const logIn = (proof: object, scope?: object) => ask('POST', '/auth/tokens', { body: { auth: { identity: proof, ...(scope ? { scope } : {}) } } });
    const keep = (reply: { status: number; headers: Record<string, unknown> }, limit: Limit) => {
      if (reply.status < 300) tokens.push({ token: String(reply.headers['x-subject-token']), limit });
    };
    /** It is used at once, so that the next step may go on from there. */
    const add = async (what: string, thing: (typeof things)[number]) => {
      made.set(what, (made.get(what) ?? 0) + 1);
      things.push(thing);
      keep(await thing.use(), thing.limit);
    };

    for (const [index, each] of steps.entries()) {
      switch (each.do) {
        case 'grant':
        case 'revoke':
          await ask(each.do === 'grant' ? 'PUT' : 'DELETE', `/projects/${projects[each.project]}/users/${people[each.who]!.id}/roles/${roleIds.get(each.role)}`, { token: admin });
          granted[each.who]![each.project]![each.do === 'grant' ? 'add' : 'delete'](each.role);
          break;
        case 'log in':
          keep(await logIn(proved(each.who), { project: { id: projects[each.project] } }), { owner: each.who, only: undefined, roles: everything, depth: 4 });
          break;
        case 'rescope': {
          const { token, limit } = newest(tokens, each.from)!;
          keep(await logIn({ methods: ['token'], token: { id: token } }, each.project === null ? undefined : { project: { id: projects[each.project] } }), limit);
          break;
        }
        case 'credential': {
          const { token, limit } = newest(tokens, each.from)!;
          const caller = await identity.authenticate(token);
          if (!caller) break;
          const wish = { name: `credential ${index}`, unrestricted: each.unrestricted, ...(each.role === null ? {} : { roles: [{ name: each.role }] }) };
          const reply = await ask('POST', `/users/${caller.userId}/application_credentials`, { token, body: { application_credential: wish } });
          if (reply.status !== 201) break;
          const { id, secret } = reply.body.application_credential;
          const roles = limit.roles.intersection(new Set(each.role === null ? (limit.only === undefined ? caller.roles : limit.roles) : upTo(each.role)));
          await add('credential', { limit: { ...limit, only: projects.indexOf(caller.projectId!), roles, depth: 0 }, use: () => logIn({ methods: ['application_credential'], application_credential: { id, secret } }) });
          break;
        }
        case 'trust': {
          const { token, limit } = newest(tokens, each.from)!;
          const caller = await identity.authenticate(token);
          if (!caller) break;
          const where = each.project ?? projects.indexOf(caller.projectId ?? '');
          const trustee = people.findIndex(({ id }) => id !== caller.userId);
          const wish = { trustor_user_id: caller.userId, trustee_user_id: people[trustee]!.id, project_id: projects[where] ?? 'nowhere', impersonation: each.impersonation, roles: [{ name: each.role }], allow_redelegation: true };
          const reply = await ask('POST', '/OS-TRUST/trusts', { token, body: { trust: wish } });
          if (reply.status !== 201) break;
          assert.ok(limit.only === undefined || limit.only === where, 'a trust left its project');
          assert.ok(limit.depth > 0, 'a trust was handed on too often');
          const { id } = reply.body.trust;
          await add('trust', { limit: { ...limit, only: where, roles: limit.roles.intersection(new Set(upTo(each.role))), depth: limit.depth - 1 }, use: () => logIn(proved(trustee), { 'OS-TRUST:trust': { id } }) });
          break;
        }
        case 'key': {
          const { token, limit } = newest(tokens, each.from)!;
          const caller = await identity.authenticate(token);
          if (!caller) break;
          const where = each.project ?? projects.indexOf(caller.projectId ?? '');
          const reply = await ask('POST', `/users/${caller.userId}/credentials/OS-EC2`, { token, body: { tenant_id: projects[where] ?? 'nowhere' } });
          if (reply.status !== 201) break;
          assert.ok(limit.only === undefined || limit.only === where, 'a key left its project');
          const { access, secret }: Parsed = reply.body.credential;
          const params = () => ({ Action: 'DescribeThings', SignatureVersion: '0', Timestamp: parts.clock.now().toISOString() });
          const signed = (given: ReturnType<typeof params>) => ({ access, params: given, signature: createHmac('sha1', secret).update(`${given.Action}${given.Timestamp}`).digest('base64') });
          await add('key', { limit: { ...limit, only: where }, use: () => ask('POST', '/ec2tokens', { token: admin, body: { credentials: signed(params()) } }) });
          break;
        }
        case 'use': {
          const thing = newest(things, each.what);
          if (thing) keep(await thing.use(), thing.limit);
        }
      }
      for (const { token, limit } of tokens) {
        const caller = await identity.authenticate(token);
        if (!caller || caller.projectId === null) continue;
        const where = projects.indexOf(caller.projectId);
        const has = new Set([...granted[limit.owner]![where]!].flatMap(upTo));
        assert.ok(limit.only === undefined || limit.only === where, 'it left its project');
        for (const name of caller.roles) {
          rights += 1;
          assert.ok(has.has(name as Rung), `${name} in ${where} is not its owner's`);
          assert.ok(limit.roles.has(name), `${name} was not handed on`);
        }
      }
    }
  });

  await fc.assert(property, { numRuns: 30 });
  assert.ok(rights > 500, `only ${rights} rights were looked at`);
  for (const what of ['credential', 'trust', 'key']) assert.ok((made.get(what) ?? 0) > 10, `only ${made.get(what)} of ${what}`);
});
