/** The stock client, python3-openstackclient, against our door. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { contracts } from '../../contract/contracts.ts';
import { adminPassword, identityFixture, type Parsed } from '../../services/identity/fixture.ts';
import { bootstrapIdentity } from '../../services/identity/identity.ts';

const program = '/usr/bin/openstack';
const run = promisify(execFile);
const skip = existsSync(program) ? false : 'python3-openstackclient is not installed';

/** Runs one command and reads what it prints as JSON. */
type OpenStack = (command: string, more?: Record<string, string>) => Promise<Parsed>;

async function startIdentity(t: TestContext): Promise<{ openstack: OpenStack; url: string }> {
  const { door, parts } = await identityFixture(t);
  const url = await door.listen({ host: '127.0.0.1', port: 0 });
  await bootstrapIdentity(parts, { adminPassword, region: 'here', base: url, services: contracts });
  const admin = { OS_USERNAME: 'admin', OS_PASSWORD: adminPassword, OS_PROJECT_NAME: 'admin', OS_USER_DOMAIN_ID: 'default', OS_PROJECT_DOMAIN_ID: 'default' };
  const openstack: OpenStack = async (command, more = admin) => {
    const words = command.match(/'[^']*'|\S+/g)!.map((word) => word.replaceAll("'", ''));
    const { stdout } = await run(program, words, {
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', OS_AUTH_URL: `${url}/identity`, OS_IDENTITY_API_VERSION: '3', OS_REGION_NAME: 'here', ...more },
      timeout: 60_000,
    });
    return stdout.trim() === '' ? undefined : JSON.parse(stdout);
  };
  return { openstack, url };
}

test('the stock client administers projects, users, groups and roles', { skip }, async (t) => {
  const { openstack } = await startIdentity(t);

  const token = await openstack('token issue -f json');
  assert.match(token.id, /^[\w-]{100,300}$/);
  const domain = await openstack('domain create -f json --description D acme');
  const project = await openstack('project create -f json --domain acme --description P --tag blue web');
  assert.deepEqual([project.domain_id, project.enabled, project.tags], [domain.id, true, ['blue']]);
  const user = await openstack('user create -f json --domain acme --project web --project-domain acme --password secret --email e@example.org eve');
  assert.deepEqual([user.name, user.default_project_id], ['eve', project.id]);
  const role = await openstack('role create -f json operator');
  const group = await openstack('group create -f json --domain acme crew');
  await openstack('group add user --group-domain acme --user-domain acme crew eve');
  await openstack('role add --user eve --user-domain acme --project web --project-domain acme member');
  await openstack('role add --group crew --group-domain acme --project web --project-domain acme operator');

  const assignments = await openstack('role assignment list -f json --project web --project-domain acme --names');
  assert.deepEqual(assignments.map((each: Parsed) => [each.Role, each.User, each.Group, each.Project]).sort(), [
    ['member', 'eve@acme', '', 'web@acme'],
    ['operator', '', 'crew@acme', 'web@acme'],
  ]);
  const names = async (command: string) => (await openstack(command)).map((each: Parsed) => each.Name).sort();
  assert.deepEqual(await names('project list -f json --domain acme'), ['web']);
  assert.deepEqual(await names('user list -f json --domain acme'), ['eve']);
  assert.deepEqual(await names('role list -f json'), ['ResellerAdmin', 'admin', 'manager', 'member', 'operator', 'reader', 'renter', 'service']);
  assert.deepEqual(await names('domain list -f json'), ['Default', 'acme']);
  assert.equal((await openstack('project show -f json --domain acme web')).id, project.id);
  assert.equal((await openstack('user show -f json --domain acme eve')).email, 'e@example.org');
  assert.equal((await openstack(`role show -f json ${role.id}`)).name, 'operator');
  await openstack('user set --domain acme --description new --disable eve');
  assert.deepEqual(await openstack('user show -f json --domain acme eve -c enabled -c description'), { description: 'new', enabled: false });
  await openstack('role remove --group crew --group-domain acme --project web --project-domain acme operator');
  await openstack(`group delete ${group.id}`);
  await openstack(`user delete ${user.id}`);
  await openstack(`role delete ${role.id}`);
  await openstack(`project delete ${project.id}`);
  await openstack('domain set --disable acme');
  await openstack('domain delete acme');
  assert.deepEqual(await names('domain list -f json'), ['Default']);
});

test('the stock client reads the catalog, and makes and uses an application credential', { skip }, async (t) => {
  const { openstack, url } = await startIdentity(t);

  const catalog = await openstack('catalog list -f json');
  assert.deepEqual(catalog.map((each: Parsed) => each.Type).sort(), contracts.map(({ type }) => type).sort());
  const endpoints = await openstack('endpoint list -f json --service identity --interface public');
  assert.deepEqual(endpoints.map((each: Parsed) => [each.Region, each.URL]), [['here', `${url}/identity`]]);
  const services = await openstack('service list -f json');
  assert.equal(services.length, contracts.length);
  assert.deepEqual(await openstack('region list -f json'), [{ Region: 'here', 'Parent Region': null, Description: '' }]);

  const made = await openstack('application credential create -f json --role reader robot');
  assert.equal((await openstack('application credential list -f json'))[0].Name, 'robot');
  assert.equal((await openstack('application credential show -f json robot')).id, made.id);
  const robot = { OS_AUTH_TYPE: 'v3applicationcredential', OS_APPLICATION_CREDENTIAL_ID: made.id, OS_APPLICATION_CREDENTIAL_SECRET: made.secret };
  assert.equal((await openstack('token issue -f json', robot)).project_id, made.project_id);
  await assert.rejects(openstack('user create -f json x', robot), /HTTP 403/);
  await openstack('application credential delete robot');
  await assert.rejects(openstack('token issue -f json', robot), /HTTP 401/);
});
