/** The stock client, python3-openstackclient, and images and volumes. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { contracts } from '../../contract/contracts.ts';
import { systemClock, systemRandom } from '../../kit/clock.ts';
import { createDoor } from '../../kit/http/serve.ts';
import { createLog } from '../../kit/log.ts';
import { adminPassword, identityFixture } from '../../services/identity/fixture.ts';
import { bootstrapIdentity } from '../../services/identity/identity.ts';
import { hostile, soundQcow2 } from '../../services/image/intake/corpus.ts';
import { volumeFixture } from '../../services/volume/volume.fixture.ts';

const program = '/usr/bin/openstack';
const run = promisify(execFile);
const skip = existsSync(program) ? false : 'python3-openstackclient is not installed';

test('the stock client brings, shows, changes, fetches and deletes images', { skip }, async (t) => {
  const { alice, folder } = await startCloud(t);
  const [file, evil, copy] = ['image', 'evil', 'copy'].map((name) => join(folder, name)) as [string, string, string];
  await writeFile(file, soundQcow2());
  await writeFile(evil, hostile[0]!.bytes);

  await alice(`image create guest --disk-format qcow2 --file ${file} --property hw_disk_bus=virtio --tag small -f json`);
  assert.deepEqual((await alice('image list -f json')).map(({ Name, Status }: Parsed) => ({ Name, Status })), [{ Name: 'guest', Status: 'active' }]);
  await alice('image set guest --name base --min-disk 1 --property os_distro=alpine --protected');
  const shown = await alice('image show base -f json');
  assert.deepEqual([shown.min_disk, shown.properties.os_distro, shown.properties.hw_disk_bus, shown.tags, shown.protected], [1, 'alpine', 'virtio', ['small'], true]);
  await alice(`image save --file ${copy} base`);
  assert.deepEqual(await readFile(copy), soundQcow2());
  await assert.rejects(alice('image delete base'), /protected/);
  await alice('image set base --unprotected');
  await alice('image unset base --property os_distro --tag small');
  await assert.rejects(alice(`image create evil --disk-format qcow2 --file ${evil}`), /external file/);
  await alice('image delete base');
});

test('the stock client makes, extends, copies and deletes volumes', { skip }, async (t) => {
  const { alice, idle, folder } = await startCloud(t);
  await writeFile(join(folder, 'image'), soundQcow2());
  await alice(`image create guest --disk-format qcow2 --file ${join(folder, 'image')}`);

  await alice('volume create --size 1 --image guest --property a=b root');
  await idle();
  await alice('volume set --size 2 --property c=d root');
  await idle();
  const { status, size, bootable, properties, volume_image_metadata: image } = await alice('volume show root -f json');
  assert.deepEqual({ status, size, bootable, properties, name: image.image_name }, { status: 'available', size: 2, bootable: 'true', properties: { a: 'b', c: 'd' }, name: 'guest' });
  await alice('volume snapshot create --volume root before');
  await idle();
  await alice('volume create --snapshot before copy');
  await idle();
  assert.deepEqual((await alice('volume list -f json')).map(({ Name, Status, Size }: Parsed) => [Name, Status, Size]).sort(), [['copy', 'available', 2], ['root', 'available', 2]]);
  await alice('image create --volume copy again');
  await idle();
  assert.equal((await alice('image show again -f json')).status, 'active');
  assert.deepEqual(await alice('--os-volume-api-version 3.27 volume attachment list -f json'), []);
  await alice('volume delete copy');
  await alice('volume snapshot delete before');
  await idle();
  await alice('volume delete root');
  await idle();
  assert.deepEqual(await alice('volume list -f json'), []);
});

type Parsed = ReturnType<typeof JSON.parse>;

async function startCloud(t: TestContext) {
  const home = await identityFixture(t);
  const region = await volumeFixture(t);
  const folder = await mkdtemp(join(tmpdir(), 'stock-client-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const door = createDoor({ implementations: [home.identity.implementation!, ...region.implementations], authenticate: home.identity.authenticate, clock: systemClock, random: systemRandom, log: createLog({ name: 'test', level: 'fatal' }) });
  t.after(() => door.drain());
  const url = await door.listen({ host: '127.0.0.1', port: 0 });
  await bootstrapIdentity(home.parts, { adminPassword, region: 'here', base: url, services: contracts });
  const person = await home.person('alice', 'member');
  const alice = async (command: string): Promise<Parsed> => {
    const { stdout } = await run(program, command.split(' '), {
      env: {
        PATH: process.env['PATH'], HOME: '/nonexistent', PYTHONWARNINGS: 'ignore', OS_AUTH_URL: `${url}/identity`, OS_IDENTITY_API_VERSION: '3', OS_REGION_NAME: 'here', OS_USERNAME: 'alice', OS_PASSWORD: person.password,
        OS_PROJECT_NAME: 'alice', OS_USER_DOMAIN_ID: 'default', OS_PROJECT_DOMAIN_ID: 'default',
      },
      timeout: 60_000,
    });
    return command.includes('-f json') ? JSON.parse(stdout) : stdout;
  };
  return { alice, folder, idle: region.idle };
}
