import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouterSpec } from '../../drivers/driver.ts';
import { listEvents } from '../../kit/events/events.ts';
import { registerHosts } from '../placement/claims.ts';
import { networkFixture, ok } from './network.fixture.ts';
import { projectDirty, projectionScope } from './projection.ts';
import { readProjected } from './projection.store.ts';
import { countersFor, isCounted } from './traffic-counters.ts';
import { tellTraffic } from './traffic.ts';

type Fixture = Awaited<ReturnType<typeof networkFixture>>;

const makers = ({ admin }: Fixture) => ({
  label: async (wish: object = {}): Promise<{ id: string }> => ok(await admin('POST', '/metering/metering-labels', { metering_label: { project_id: 'alice-project', ...wish } }), 201).metering_label,
  rule: async (metering_label_id: string, wish: object): Promise<{ id: string }> => ok(await admin('POST', '/metering/metering-label-rules', { metering_label_rule: { metering_label_id, ...wish } }), 201).metering_label_rule,
});

test('labels and their rules are made, listed, shown and deleted', async (t) => {
  const fixture = await networkFixture(t);
  const { admin, alice, bob } = fixture;
  const { label, rule } = makers(fixture);
  assert.equal((await alice('POST', '/metering/metering-labels', { metering_label: {} })).status, 403);

  const made = await label({ name: 'web', description: 'to and from the web' });
  assert.deepEqual(made, { id: made.id, name: 'web', description: 'to and from the web', project_id: 'alice-project', tenant_id: 'alice-project', shared: false });
  assert.deepEqual(ok(await alice('GET', '/metering/metering-labels?name=web')).metering_labels, [made]);
  assert.equal((await bob('GET', `/metering/metering-labels/${made.id}`)).status, 404);

  const first = await rule(made.id, { direction: 'ingress', remote_ip_prefix: '10.0.0.0/24' });
  assert.deepEqual(first, { id: first.id, metering_label_id: made.id, direction: 'ingress', excluded: false, remote_ip_prefix: '10.0.0.0/24', source_ip_prefix: null, destination_ip_prefix: null });
  const second = await rule(made.id, { direction: 'egress', source_ip_prefix: '10.0.0.7', destination_ip_prefix: '198.51.100.0/24', excluded: true });
  assert.deepEqual(ok(await alice('GET', `/metering/metering-label-rules/${second.id}`)).metering_label_rule, { ...second, source_ip_prefix: '10.0.0.7/32' });
  assert.deepEqual(ok(await alice('GET', `/metering/metering-label-rules?metering_label_id=${made.id}&direction=ingress`)).metering_label_rules, [first]);

  const refused = async (wish: object, status: number, type: string) => {
    const { body, ...reply } = await admin('POST', '/metering/metering-label-rules', { metering_label_rule: { metering_label_id: made.id, direction: 'ingress', ...wish } });
    assert.deepEqual([reply.status, body.NeutronError.type], [status, type]);
  };
  await refused({ remote_ip_prefix: '10.0.0.128/25' }, 409, 'MeteringLabelRuleOverlaps');
  await refused({ remote_ip_prefix: '10.9.0.0/24', source_ip_prefix: '10.0.0.0/8' }, 400, 'Invalid');
  await refused({}, 400, 'Invalid');
  await refused({ source_ip_prefix: '10.0.0.0/8', destination_ip_prefix: '2001:db8::/32' }, 400, 'Invalid');
  await refused({ source_ip_prefix: 'here' }, 400, 'Invalid');
  await refused({ metering_label_id: crypto.randomUUID(), remote_ip_prefix: '10.0.0.0/24' }, 404, 'MeteringLabelNotFound');

  ok(await admin('DELETE', `/metering/metering-label-rules/${first.id}`), 204);
  ok(await admin('DELETE', `/metering/metering-labels/${made.id}`), 204);
  assert.deepEqual(ok(await admin('GET', '/metering/metering-label-rules')).metering_label_rules, []);
  assert.equal((await admin('GET', `/metering/metering-labels/${made.id}`)).status, 404);
});

test('labels that overlap each count what passes a router, without what they leave out', async (t) => {
  const fixture = await networkFixture(t);
  const { admin, alice, parts, driver, database } = fixture;
  const { label, rule } = makers(fixture);
  const { router } = ok(await alice('POST', '/routers', { router: {} }), 201);
  const [all, web, foreign] = [await label({ shared: true, project_id: 'admin-project' }), await label(), await label({ project_id: 'bob-project' })];
  await rule(all.id, { direction: 'egress', remote_ip_prefix: '10.0.0.0/8' });
  await rule(web.id, { direction: 'egress', source_ip_prefix: '10.0.0.0/24', destination_ip_prefix: '198.51.100.0/24' });
  await rule(web.id, { direction: 'egress', destination_ip_prefix: '198.51.100.7/32', excluded: true });
  await rule(foreign.id, { direction: 'egress', remote_ip_prefix: '10.0.0.0/8' });
  await projectDirty(parts);
  assert.deepEqual(await fixture.findings(), []);

  const send = (source: string, destination: string, packets: number) => driver.simulation.pass(router.id, { direction: 'egress', source, destination, packets, bytes: 100 * packets });
  const told = async () => {
    await tellTraffic(parts);
    const events = await database.read(projectionScope, (tx) => Promise.all([all, web, foreign].map(({ id }) => listEvents(tx, 'metering_label', id))));
    return events.map((each) => each.flatMap(({ type, payload }) => (type === 'l3.meter' ? [(payload as { pkts: number }).pkts] : [])));
  };
  send('10.0.0.5', '198.51.100.1', 1);
  send('10.0.0.5', '198.51.100.7', 10);
  send('10.1.0.5', '198.51.100.1', 100);
  send('192.168.0.5', '198.51.100.1', 1000);
  driver.simulation.pass(router.id, { direction: 'ingress', source: '198.51.100.1', destination: '10.0.0.5', packets: 10_000, bytes: 1 });
  assert.deepEqual(await told(), [[111], [1], []]);
  assert.deepEqual(await told(), [[111], [1], []], 'nothing has passed since');
  send('10.0.0.9', '198.51.100.1', 5);
  assert.deepEqual(await told(), [[111, 5], [1, 5], []]);

  const [event] = (await database.read(projectionScope, (tx) => listEvents(tx, 'metering_label', web.id))).filter(({ type }) => type === 'l3.meter');
  assert.equal(event?.projectId, 'alice-project');
  assert.partialDeepStrictEqual(event?.payload, { label_id: web.id, project_id: 'alice-project', pkts: 1, bytes: 100 });

  for (const { id } of [all, web, foreign]) ok(await admin('DELETE', `/metering/metering-labels/${id}`), 204);
  const [projected] = await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'router', id: router.id }]));
  assert.equal((projected!.resource as RouterSpec).counters, undefined);
});

test('a packet is counted once, and by each label that counts it, whatever the rules', () => {
  // Every address of 10.0.0.0/30 to every one of it, against what the rules say of it one by one.
  const blocks = [null, '10.0.0.0/30', '10.0.0.0/31', '10.0.0.2/31', '10.0.0.1/32', '10.0.0.3/32'];
  const pairs = blocks.flatMap((source_ip_prefix) => blocks.map((destination_ip_prefix) => ({ source_ip_prefix, destination_ip_prefix }))).filter((pair) => pair.source_ip_prefix ?? pair.destination_ip_prefix);
  const last = (block: string | null) => (block === null ? { first: 0, size: 4 } : { first: Number(block.split(/[./]/)[3]), size: 2 ** (32 - Number(block.split('/')[1])) });
  const isIn = (address: number, block: string | null) => address >= last(block).first && address < last(block).first + last(block).size;
  for (let seed = 0; seed < 60; seed++) {
    const rules = pairs.filter((_, at) => (at * 7919 + seed * 104_729) % 11 < 3).map((pair, at) => ({ direction: 'egress' as const, remote_ip_prefix: null, ...pair, excluded: (at + seed) % 4 === 0 }));
    const counters = countersFor(rules);
    for (const source of [0, 1, 2, 3]) {
      for (const destination of [0, 1, 2, 3]) {
        const fitting = counters.filter((each) => isIn(source, each.source) && isIn(destination, each.destination));
        const size = (each: (typeof counters)[number]) => [each.source, each.destination].reduce((bits, block) => bits + (block === null ? -1 : Number(block.split('/')[1])), 0);
        const [smallest, next] = fitting.toSorted((one, other) => size(other) - size(one));
        const matching = rules.filter((rule) => isIn(source, rule.source_ip_prefix) && isIn(destination, rule.destination_ip_prefix));
        if (smallest && next) assert.ok(size(smallest) > size(next), 'one of them is the smallest');
        assert.equal(smallest !== undefined && isCounted(smallest, rules), matching.length > 0 && matching.every(({ excluded }) => !excluded));
      }
    }
  }
});

test('nothing is counted in a partner’s region, and nobody can ask for it', async (t) => {
  const { admin, driver, database } = await networkFixture(t);
  const hosts = await driver.hosts.list();
  await database.transaction(projectionScope, (tx) => registerHosts(tx, hosts.map((host) => ({ ...host, contracted: true as const })), new Date()));
  const reply = await admin('POST', '/metering/metering-labels', { metering_label: {} });
  assert.deepEqual([reply.status, reply.body.NeutronError.type], [409, 'MeteringNotSupported']);
  assert.deepEqual(ok(await admin('GET', '/log/loggable-resources')).loggable_resources, []);
  const log = await admin('POST', '/log/logs', { log: { resource_type: 'security_group', project_id: 'alice-project' } });
  assert.deepEqual([log.status, log.body.NeutronError.type], [400, 'InvalidLogResourceType']);
});
