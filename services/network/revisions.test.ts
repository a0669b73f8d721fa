import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok, type Parsed } from './network.fixture.ts';

test('what somebody else changed meanwhile is neither changed nor deleted when a revision is named', async (t) => {
  const { alice, door } = await networkFixture(t);
  const { network } = ok(await alice('POST', '/networks', { network: { name: 'lan' } }), 201);
  const asked = async (method: 'PUT' | 'DELETE', match: string, path = `/networks/${network.id}`, payload: object = { network: { name: match } }): Promise<[number, Parsed]> => {
    const reply = await door.app.inject({ method, url: `/network/v2.0${path}`, headers: { 'x-auth-token': 'alice', host: 'cloud.test', 'if-match': match }, ...(method === 'PUT' ? { payload } : {}) });
    return [reply.statusCode, reply.body === '' ? undefined : reply.json().NeutronError?.message];
  };

  assert.deepEqual(await asked('PUT', 'revision_number=0'), [200, undefined]);
  assert.deepEqual(await asked('PUT', 'revision_number=0'), [412, 'Constrained to 0, but current revision is 1']);
  assert.deepEqual(await asked('DELETE', '"revision_number=7"'), [412, 'Constrained to 7, but current revision is 1']);
  assert.equal((await asked('PUT', 'revision_number=x'))[0], 400);
  assert.equal((await asked('PUT', 'revision_number=1, revision_number=2'))[0], 400);
  assert.equal((await asked('PUT', '"something-else"'))[0], 200, 'other tags say nothing');
  assert.equal((await asked('PUT', 'revision_number=2', `/networks/${crypto.randomUUID()}`))[0], 404);
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  assert.equal((await asked('PUT', `revision_number=${port.revision_number + 1}`, `/ports/${port.id}`, { port: { name: 'x' } }))[0], 412);
  assert.equal((await asked('DELETE', `revision_number=${port.revision_number}`, `/ports/${port.id}`))[0], 204);
  assert.equal((await asked('DELETE', 'revision_number=2'))[0], 204);
});
