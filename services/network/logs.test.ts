import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SecurityGroupSpec } from '../../drivers/driver.ts';
import { networkFixture, ok, refusal } from './network.fixture.ts';
import { readProjected } from './projection.store.ts';
import { projectDirty, projectionScope } from './projection.ts';

test('what a group lets pass or drops is written in the oldest log that is about it', async (t) => {
  const { admin, alice, bob, lan, database, parts, findings } = await networkFixture(t);
  assert.deepEqual(ok(await admin('GET', '/log/loggable-resources')).loggable_resources, [{ type: 'security_group' }]);
  assert.equal((await alice('GET', '/log/logs')).status, 403);
  const { network } = await lan();
  const [{ id: first }] = ok(await alice('GET', '/security-groups')).security_groups;
  const { security_group: second } = ok(await alice('POST', '/security-groups', { security_group: { name: 'second' } }), 201);
  const { security_group: foreign } = ok(await bob('POST', '/security-groups', { security_group: { name: 'foreign' } }), 201);
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id, security_groups: [first] } }), 201);
  const told = async () => {
    const projected = await database.read(projectionScope, (tx) => readProjected(tx, [first, second.id, foreign.id].map((id) => ({ kind: 'security-group', id }))));
    return [first, second.id, foreign.id].map((wanted) => (projected.find(({ id }) => id === wanted)!.resource as SecurityGroupSpec).log);
  };
  const make = async (wish: object): Promise<{ id: string }> => ok(await admin('POST', '/log/logs', { log: { resource_type: 'security_group', project_id: 'alice-project', ...wish } }), 201).log;
  assert.deepEqual(await told(), [undefined, undefined, undefined]);
  await projectDirty(parts);

  const whole = await make({ name: 'all', description: 'of ours' });
  assert.deepEqual(whole, {
    ...whole, name: 'all', description: 'of ours', project_id: 'alice-project', tenant_id: 'alice-project', resource_type: 'security_group', resource_id: null, target_id: null, event: 'ALL', enabled: true, revision_number: 0,
  });
  assert.deepEqual(await told(), [{ accept: whole.id, drop: whole.id }, { accept: whole.id, drop: whole.id }, undefined]);
  await projectDirty(parts);
  assert.deepEqual(await findings(), [], 'the engine was told of every group');
  assert.equal(ok(await admin('PUT', `/log/logs/${whole.id}`, { log: { enabled: false } })).log.enabled, false);
  assert.deepEqual(await told(), [undefined, undefined, undefined]);

  const ofPort = await make({ target_id: port.id, event: 'DROP' });
  const ofGroup = await make({ resource_id: second.id, event: 'ACCEPT' });
  assert.deepEqual(await told(), [{ drop: ofPort.id }, { accept: ofGroup.id }, undefined]);
  await projectDirty(parts);
  ok(await alice('PUT', `/ports/${port.id}`, { port: { security_groups: [second.id] } }));
  assert.deepEqual(await told(), [undefined, { accept: ofGroup.id, drop: ofPort.id }, undefined]);
  await projectDirty(parts);
  assert.deepEqual(await findings(), [], 'the engine was told of both groups');
  assert.deepEqual(ok(await admin('GET', `/log/logs?target_id=${port.id}&fields=id`)).logs, [{ id: ofPort.id }]);

  ok(await alice('DELETE', `/ports/${port.id}`), 204);
  assert.deepEqual(refusal(await admin('GET', `/log/logs/${ofPort.id}`)), [404, 'LogResourceNotFound']);
  assert.deepEqual(await told(), [undefined, { accept: ofGroup.id }, undefined]);
  ok(await alice('DELETE', `/security-groups/${second.id}`), 204);
  assert.deepEqual(refusal(await admin('PUT', `/log/logs/${ofGroup.id}`, { log: {} })), [404, 'LogResourceNotFound']);
  ok(await admin('DELETE', `/log/logs/${whole.id}`), 204);
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);
});

test('only what is there, and is one’s own, is logged', async (t) => {
  const { admin, alice, lan } = await networkFixture(t);
  const { network } = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  const { security_group: group } = ok(await alice('POST', '/security-groups', { security_group: { name: 'apart' } }), 201);
  const refused = async (wish: object) => refusal(await admin('POST', '/log/logs', { log: { resource_type: 'security_group', project_id: 'alice-project', ...wish } }));
  const nothing = '11111111-1111-4111-8111-111111111111';
  assert.deepEqual(
    [await refused({ resource_type: 'firewall' }), await refused({ resource_id: nothing }), await refused({ target_id: nothing }), await refused({ resource_id: group.id, target_id: port.id }), await refused({ event: 'SOME' })],
    [[400, 'InvalidLogResourceType'], [404, 'ResourceNotFound'], [404, 'TargetResourceNotFound'], [400, 'InvalidResourceConstraint'], [400, 'HTTPBadRequest']],
  );
});
