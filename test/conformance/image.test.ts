/** The stock clients, python3-glanceclient and python3-openstackclient, and imports, sharing and metadata definitions. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { contracts } from '../../contract/contracts.ts';
import { systemClock, systemRandom } from '../../kit/clock.ts';
import { createDoor } from '../../kit/http/serve.ts';
import { createLog } from '../../kit/log.ts';
import { adminPassword, identityFixture } from '../../services/identity/fixture.ts';
import { bootstrapIdentity } from '../../services/identity/identity.ts';
import { soundQcow2 } from '../../services/image/intake/corpus.ts';
import { imageSettings } from '../../services/image/settings.ts';
import { volumeFixture } from '../../services/volume/volume.fixture.ts';

const skip = ['/usr/bin/glance', '/usr/bin/openstack'].every((path) => existsSync(path)) ? false : 'python3-glanceclient and python3-openstackclient are not installed';

test('the stock client of images imports what was staged and what is elsewhere, and learns how it went', { skip }, async (t) => {
  const { glance, idle, folder } = await startCloud(t);
  await writeFile(join(folder, 'image'), soundQcow2());
  const server = createServer((_request, reply) => reply.end(soundQcow2()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();

  assert.match(await glance('import-info'), /web-download.*copy-image/);
  assert.match(await glance('stores-info'), /archive/);
  await glance(`image-create-via-import --name direct --disk-format qcow2 --container-format bare --file ${join(folder, 'image')} --import-method glance-direct`);
  await glance(`image-create-via-import --name far --disk-format qcow2 --container-format bare --import-method web-download --uri http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/image --all-stores True`);
  await idle();
  const listed = rows(await glance('image-list --include-stores'));
  const [direct, far] = ['direct', 'far'].map((name) => listed.find((row) => row[1] === name) ?? []);
  assert.match(String(direct), /local/);
  assert.match(String(far), /archive/);
  const id = direct![0]!;
  assert.match(await glance(`image-show ${id}`), /status\s+\| active/);
  assert.match(await glance(`image-tasks ${id}`), /success/);
  await assert.rejects(glance(`stores-delete --store archive ${far![0]}`));
  await glance(`image-download --file ${join(folder, 'copy')} ${id}`);
  assert.deepEqual(await readFile(join(folder, 'copy')), soundQcow2());
  await glance(`image-update --hidden True ${id}`);
  assert.equal(rows(await glance('image-list')).some((row) => row[0] === id), false);
  assert.equal(rows(await glance('image-list --hidden True')).some((row) => row[0] === id), true);
  await glance(`image-tag-update ${id} small`);
  await glance(`image-deactivate ${id}`);
  await glance(`image-reactivate ${id}`);
  assert.match(await glance('usage'), /image_count_total/);
  await glance(`image-delete ${id}`);
});

test('the stock clients define metadata and read it', { skip }, async (t) => {
  const { asAdmin } = await startCloud(t);
  const { glance } = asAdmin;
  await glance('md-namespace-create --display-name Mine --visibility public Mine');
  await glance('md-object-create --name engine --schema {"properties":{"power":{"title":"Power","type":"string"}}} Mine');
  await glance('md-property-create --name speed --title Speed --schema {"type":"integer","minimum":1} Mine');
  await glance('md-tag-create --name fast Mine');
  await glance('md-tag-create-multiple --names slow,steady Mine');
  await glance('md-resource-type-associate --name OS::Glance::Image --prefix my_ Mine');
  assert.match(await glance('md-namespace-list'), /Mine/);
  const shown = await glance('md-namespace-show Mine');
  for (const part of ['engine', 'speed', 'steady', 'OS::Glance::Image']) assert.match(shown, new RegExp(part));
  assert.match(await glance('md-object-show Mine engine'), /power/);
  assert.match(await glance('md-property-list Mine'), /Speed/);
  assert.match(await glance('md-resource-type-list'), /OS::Glance::Image/);
  await glance('md-object-update --name motor Mine engine');
  await glance('md-property-update --name pace --title Pace Mine speed');
  await glance('md-tag-update --name quick Mine slow');
  await glance('md-object-property-show Mine motor power');
  for (const command of ['md-tag-delete Mine quick', 'md-property-delete Mine pace', 'md-object-delete Mine motor', 'md-resource-type-deassociate Mine OS::Glance::Image', 'md-namespace-tags-delete Mine', 'md-namespace-properties-delete Mine', 'md-namespace-objects-delete Mine', 'md-namespace-delete Mine']) await glance(command);
});

test('an image is shared, and the other project accepts it', { skip }, async (t) => {
  const { openstack, other, folder } = await startCloud(t);
  await writeFile(join(folder, 'image'), soundQcow2());
  await openstack(`image create ours --shared --disk-format qcow2 --file ${join(folder, 'image')}`);
  const { id } = JSON.parse(await openstack('image show ours -f json'));
  await openstack(`image add project ours ${other.projectId}`);
  assert.deepEqual(JSON.parse(await other.openstack('image list -f json')), []);
  await other.openstack(`image set --accept ${id}`);
  assert.equal(JSON.parse(await other.openstack('image list -f json'))[0].ID, id);
  assert.equal(JSON.parse(await openstack('image member list ours -f json'))[0].Status, 'accepted');
  await openstack(`image remove project ours ${other.projectId}`);
});

/** The cells of a table as the client draws it. */
function rows(table: string): string[][] {
  return table
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
}

async function startCloud(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'image-client-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const home = await identityFixture(t);
  const region = await volumeFixture(t, { images: imageSettings({ stores: [{ id: 'archive', folder: join(folder, 'archive') }], downloads: { allowed_networks: ['127.0.0.1/32'], allowed_ports: [] } }) });
  const door = createDoor({ implementations: [home.identity.implementation!, ...region.implementations], authenticate: home.identity.authenticate, clock: systemClock, random: systemRandom, log: createLog({ name: 'test', level: 'fatal' }) });
  t.after(() => door.drain());
  const url = await door.listen({ host: '127.0.0.1', port: 0 });
  await bootstrapIdentity(home.parts, { adminPassword, region: 'here', base: url, services: contracts });
  const as = (name: string, password: string, project: string) => {
    // One for each person: the clients keep what they have learnt.
    const clients = startClients(t);
    const env = {
      HOME: folder, OS_AUTH_URL: `${url}/identity/v3`, OS_IDENTITY_API_VERSION: '3', OS_IMAGE_API_VERSION: '2', OS_REGION_NAME: 'here', OS_USERNAME: name, OS_PASSWORD: password,
      OS_PROJECT_NAME: project, OS_USER_DOMAIN_ID: 'default', OS_PROJECT_DOMAIN_ID: 'default',
    };
    const call = (program: 'glance' | 'openstack') => async (command: string) => {
      const { code, text } = await clients({ program, env, words: command.split(' ') });
      if (code !== 0) throw new Error(`${program} ${command}: ${text}`);
      return text;
    };
    return { glance: call('glance'), openstack: call('openstack') };
  };
  const [alice, bob] = [await home.person('alice', 'member'), await home.person('bob', 'member')];
  return { ...as('alice', alice.password, 'alice'), other: { ...as('bob', bob.password, 'bob'), projectId: bob.projectId }, asAdmin: as('admin', adminPassword, 'admin'), folder, idle: region.idle };
}

type Asked = { program: 'glance' | 'openstack'; env: Record<string, string>; words: string[] };

/** One process of Python, asked one thing after the other. */
function startClients(t: TestContext): (asked: Asked) => Promise<{ code: number; text: string }> {
  const child = spawn('/usr/bin/python3', ['-W', 'ignore', fileURLToPath(new URL('./image-clients.py', import.meta.url))], { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: process.env['PATH'], PYTHONWARNINGS: 'ignore' }, timeout: 120_000 });
  t.after(() => void child.kill());
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async (asked) => {
    child.stdin.write(`${JSON.stringify(asked)}\n`);
    const { value, done } = await answers.next();
    if (done === true) throw new Error('The clients have ended');
    return JSON.parse(value);
  };
}
