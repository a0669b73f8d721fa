/** The stock client, python3-openstackclient, in the region that spans all. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { virtualRegion } from '../../contract/virtual.ts';
import { systemClock } from '../../kit/clock.ts';
import { observeRegions } from '../../services/broker/observing.ts';
import { startCloud, type TestCloud } from '../cloud.ts';
import { addRegion } from '../several-regions.ts';

type Shown = Record<string, unknown>;

const program = '/usr/bin/openstack';
const run = promisify(execFile);
const skip = existsSync(program) ? false : 'python3-openstackclient is not installed';

/** A home of four processors and another region; the client reaches both by their names, through a proxy. */
async function startTwo(t: TestContext) {
  const cloud = await startCloud(t, { clock: systemClock, hosts: 1, hostShape: { vcpus: 1, memoryMiB: 16_384, diskGiB: 100 } });
  const two = await addRegion(t, cloud, 'two');
  await observeRegions(cloud.cloud.broker.parts);
  const proxy = await proxyTo(t, cloud);
  const alice = async (command: string): Promise<string> => {
    const words = command.match(/'[^']*'|\S+/g)!.map((word) => word.replaceAll("'", ''));
    const { stdout } = await run(program, words, {
      env: {
        PATH: process.env['PATH'], HOME: '/nonexistent', PYTHONWARNINGS: 'ignore', http_proxy: proxy, OS_AUTH_URL: 'http://cloud.example/identity', OS_IDENTITY_API_VERSION: '3', OS_REGION_NAME: virtualRegion,
        OS_USERNAME: cloud.alice.name, OS_PASSWORD: cloud.alice.password, OS_PROJECT_ID: cloud.alice.projectId, OS_USER_DOMAIN_ID: 'default',
      },
      timeout: 120_000,
    });
    return stdout;
  };
  return { cloud, two, alice, ask: async (command: string) => JSON.parse(await alice(`${command} -f json`)) as Shown, list: async (command: string) => JSON.parse(await alice(`${command} -f json`)) as Shown[] };
}

async function proxyTo(t: TestContext, { fetch: send }: TestCloud): Promise<string> {
  const server = createServer((request, response) => {
    const answer = async () => {
      const body = await buffer(request);
      const { host: _, 'content-length': __, 'proxy-connection': ___, ...headers } = request.headers as Record<string, string>;
      const reply = await send(request.url ?? '', { method: request.method ?? 'GET', headers, ...(body.length === 0 ? {} : { body }) });
      const bytes = Buffer.from(await reply.arrayBuffer());
      response.writeHead(reply.status, Object.fromEntries([...reply.headers].filter(([name]) => !['content-length', 'transfer-encoding', 'connection'].includes(name)))).end(bytes);
    };
    answer().catch((error: unknown) => response.writeHead(502).end(String(error)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('the stock client finds in one region what there is in all', { skip, timeout: 300_000 }, async (t) => {
  const { alice, ask, list } = await startTwo(t);

  assert.deepEqual((await list('availability zone list --compute')).map((each) => String(each['Zone Name'])).toSorted(byText), ['RegionOne', 'two']);
  assert.deepEqual((await list('image list')).map(({ Name }) => String(Name)).toSorted(byText), ['cirros', 'small']);
  assert.equal((await ask('image show cirros'))['status'], 'active');
  assert.deepEqual((await list('network list --external')).map(({ Name }) => Name), ['public']);
  assert.equal((await ask('network show public'))['router:external'], true);
  assert.ok((await list('flavor list')).length > 0);
  await alice('keypair create mine');
  assert.deepEqual((await list('keypair list')).map(({ Name }) => Name), ['mine']);
});

test('the stock client makes a machine there with a network, a volume and an address, wherever it is, and deletes it all', { skip, timeout: 600_000 }, async (t) => {
  const { cloud, two, alice, ask, list } = await startTwo(t);
  await alice('network create lan');
  await alice('subnet create lan-v4 --network lan --subnet-range 10.30.0.0/24');
  await alice('router create way');
  await alice('router set way --external-gateway public');
  await alice('router add subnet way lan-v4');
  await alice('keypair create mine');
  await alice('security group create web');
  await alice('security group rule create web --protocol tcp --dst-port 80');

  await alice('server create there --flavor m1.nano --image cirros --network lan --security-group web --key-name mine --availability-zone two --wait');
  await alice('server create here --flavor m1.nano --image cirros --network lan --wait');
  const shown = await ask('server show there');
  assert.deepEqual([shown['status'], shown['OS-EXT-AZ:availability_zone'], shown['key_name']], ['ACTIVE', 'two', 'mine']);
  assert.match(String(shown['image']), /^cirros /);
  assert.match(String(shown['flavor']), /^m1\.nano/);
  assert.deepEqual((await list('server list')).map((each) => `${String(each['Name'])} of ${String(each['Image'])} in ${Object.keys(each['Networks'] as object).join(', ')}`).toSorted(byText), ['here of cirros in lan', 'there of cirros in lan']);
  assert.match(await alice('console log show there'), /\w/);

  await alice('volume create --size 1 --availability-zone two data');
  await until(async () => (await ask('volume show data'))['status'] === 'available');
  await alice('server add volume there data');
  await until(async () => (await ask('volume show data'))['status'] === 'in-use');
  assert.deepEqual((await list('volume list')).map((each) => [each['Name'], each['Status'], (each['Attached to'] as Shown[])[0]?.['server_id']]), [['data', 'in-use', shown['id']]]);

  const [port] = await list('port list --server there');
  const floating = await ask(`floating ip create public --port ${String(port?.['ID'])}`);
  assert.match(String(floating['floating_ip_address']), /^203\.0\.113\./, 'of the region where the port is');
  assert.ok(JSON.stringify((await ask('server show there'))['addresses']).includes(String(floating['floating_ip_address'])));
  assert.deepEqual((await list('floating ip list')).map((each) => each['Port']), [port?.['ID']]);

  await alice(`floating ip delete ${String(floating['floating_ip_address'])}`);
  await alice('server remove volume there data');
  await until(async () => (await ask('volume show data'))['status'] === 'available');
  await alice('server stop there');
  await until(async () => (await ask('server show there'))['status'] === 'SHUTOFF');
  await alice('server delete there here --wait');
  await alice('volume delete data');
  await alice('router remove subnet way lan-v4');
  await alice('router delete way');
  await alice('network delete lan');
  await alice('security group delete web');
  await alice('keypair delete mine');

  assert.deepEqual(await list('server list'), []);
  await until(async () => (await list('volume list')).length === 0);
  assert.deepEqual([await two.driver.servers.list(), await cloud.driver.servers.list()], [[], []]);
  assert.deepEqual([await two.diagnose(), await cloud.diagnose()], [[], []]);
});

const byText = (one: string, other: string) => (one < other ? -1 : 1);

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await isSo())) assert.ok(performance.now() < deadline, 'it did not become so in two minutes');
}
