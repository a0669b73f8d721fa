/** The stock client, python3-openstackclient, and servers: with the newest version of compute that it may ask for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startWholeCloud } from '../system/whole-cloud.ts';

test('the stock client makes, names, locks, moves and deletes servers with the newest version', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated' });
  t.after(() => cloud.reset());
  const ask = async (words: string) => {
    return cloud.ask<Record<string, never>>(['--os-compute-api-version', '2.92', ...words.split(' ')]);
  };
  const tell = (words: string) => cloud.openstack(['--os-compute-api-version', '2.92', ...words.split(' ')]);

  const [image] = (await ask('image list')) as unknown as { Name: string }[];
  const made = await ask(`server create --image ${image?.Name} --flavor m1.tiny --nic auto --tag web --description shop --wait one`);
  assert.deepEqual([made['status'], made['tags'], made['description'], made['locked']], ['ACTIVE', ['web'], 'shop', false]);
  await tell('server lock --reason audit one');
  await tell('server set --tag blue one');
  const locked = await ask('server show one');
  assert.deepEqual([locked['locked_reason'], locked['tags']], ['audit', ['blue', 'web']]);
  await tell('server unlock one');
  await tell('server migrate --live-migration --wait one');
  const [migration] = (await ask('server migration list --server one')) as unknown as { Type: string; Status: string }[];
  assert.deepEqual([migration?.Type, migration?.Status], ['live-migration', 'completed']);
  await tell('server group create --policy anti-affinity --rule max_server_per_host=2 apart');
  assert.deepEqual((await ask('server group show apart'))['rules'], { max_server_per_host: 2 });
  const actions = (await ask('server event list one')) as unknown as { Action: string }[];
  assert.ok(actions.some(({ Action: action }) => action === 'live-migration'), JSON.stringify(actions));
  assert.equal(((await ask('compute service list')) as unknown as { State: string }[])[0]?.State, 'up');
  assert.ok(((await ask('hypervisor list')) as unknown as unknown[]).length > 1);
  await tell('server delete --wait one');
  assert.deepEqual(await ask('server list'), []);
});
