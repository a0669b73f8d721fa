/** The stock client administers roles, limits, endpoints, policies, projects and passwords. */
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
/** To start the client costs more than all that it does: one process runs a command a line. */
const manyCommands = `
import sys, io, shlex, contextlib
from openstackclient import shell
for line in sys.stdin.read().split('\\n'):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = shell.OpenStackShell().run(shlex.split(line))
    sys.stdout.write(out.getvalue() + '\\x1e' + str(code) + '\\x1f')
`;
const skip = existsSync(program) ? false : 'python3-openstackclient is not installed';

async function start(t: TestContext) {
  const { door, parts } = await identityFixture(t);
  const url = await door.listen({ host: '127.0.0.1', port: 0 });
  await bootstrapIdentity(parts, { adminPassword, region: 'here', base: url, services: contracts });
  const env = {
    PATH: process.env['PATH'],
    HOME: '/nonexistent',
    OS_AUTH_URL: `${url}/identity`,
    OS_IDENTITY_API_VERSION: '3',
    OS_REGION_NAME: 'here',
    OS_USERNAME: 'admin',
    OS_PASSWORD: adminPassword,
    OS_PROJECT_NAME: 'admin',
    OS_USER_DOMAIN_ID: 'default',
    OS_PROJECT_DOMAIN_ID: 'default',
  };
  /** Several commands in one process of the client, each result parsed; one that fails ends the test with its words. */
  const script = async (commands: readonly string[], more: Record<string, string> = {}): Promise<Parsed[]> => {
    const running = run('/usr/bin/python3', ['-c', manyCommands], { env: { ...env, ...more }, timeout: 120_000, maxBuffer: 8 * 1024 * 1024 });
    running.child.stdin!.end(commands.join('\n'));
    const { stdout, stderr } = await running;
    return stdout.split('\u001f').slice(0, -1).map((each, index) => {
      const [text = '', code] = each.split('\u001e');
      assert.equal(code, '0', `${commands[index]}: ${stderr.slice(-500)}`);
      return text.trim() === '' ? undefined : JSON.parse(text);
    });
  };
  return { script };
}

test('the stock client makes roles imply others and lets projects inherit them', { skip, timeout: 120_000 }, async (t) => {
  const { script } = await start(t);

  const [, , , , , , implied, , assignments, direct] = await script([
    'domain create acme -f json',
    'project create top --domain acme -f json',
    'project create child --domain acme --parent top -f json',
    'user create eve --domain acme --password secret -f json',
    'role create boss -f json',
    'implied role create boss --implied-role reader -f json',
    'implied role list -f json',
    'role add --user eve --user-domain acme --project top --project-domain acme --inherited boss',
    'role assignment list --user eve --user-domain acme --effective --names -f json',
    'role assignment list --user eve --user-domain acme --names -f json',
  ]);

  assert.equal(implied.some((each: Parsed) => each['Prior Role Name'] === 'boss' && each['Implied Role Name'] === 'reader'), true);
  assert.deepEqual(assignments.map((each: Parsed) => [each.Role, each.Project, each.Inherited]).sort(), [
    ['boss', 'child@acme', true],
    ['reader', 'child@acme', true],
  ]);
  assert.deepEqual(direct.map((each: Parsed) => [each.Role, each.Project, each.Inherited]), [['boss', 'top@acme', true]]);
});

test('the stock client keeps limits', { skip, timeout: 120_000 }, async (t) => {
  const { script } = await start(t);

  const [registered] = await script(['registered limit create --service nova --default-limit 10 --region here cores -f json']);
  const [limit, shown, listed, model] = await script([
    'limit create --service nova --region here --project admin --resource-limit 5 cores -f json',
    `registered limit show ${registered.id} -f json`,
    'limit list -f json',
    'registered limit list -f json',
  ]);

  assert.deepEqual([limit.resource_limit, shown.default_limit, listed.length, model.length], [5, 10, 1, 1]);
  const [set, gone] = await script([`limit set --resource-limit 7 ${limit.id} -f json`, `limit delete ${limit.id}`]);
  assert.deepEqual([set.resource_limit, gone], [7, undefined]);
});

test('the stock client groups endpoints and gives them to projects', { skip, timeout: 120_000 }, async (t) => {
  const { script } = await start(t);

  const [region, service] = await script(['region create there --parent-region here -f json', 'service create --name thing thing -f json']);
  const [endpoint] = await script([`endpoint create --region there ${service.id} public http://thing.test -f json`]);
  const [project, , ofProject] = await script(['project create work -f json', `endpoint add project ${endpoint.id} work`, 'endpoint list --project work -f json']);

  assert.equal(region.parent_region, 'here');
  assert.ok(project.id);
  assert.deepEqual(ofProject.map((each: Parsed) => each.ID), [endpoint.id]);
  const [described, listed, updated] = await script(['region set --description elsewhere there', 'region list --parent-region here -f json', `endpoint set --url http://other.test ${endpoint.id}`]);
  assert.deepEqual([described, listed.map((each: Parsed) => each.Region), updated], [undefined, ['there'], undefined]);
});

test('the stock client sees hierarchies and tags, and changes a password', { skip, timeout: 120_000 }, async (t) => {
  const { script } = await start(t);

  const [top, child] = await script(['project create top --tag blue -f json', 'project create child --parent top --tag red -f json']);
  const [shown, tagged, , , options] = await script([
    `project show ${child.id} --parents -f json`,
    'project list --tags red -f json',
    'user create eve --password first --ignore-password-expiry -f json',
    'role add --user eve --project top member',
    'user show eve -f json',
  ]);

  assert.equal(shown.parent_id, top.id);
  assert.deepEqual(tagged.map((each: Parsed) => each.Name), ['child']);
  assert.deepEqual(options.options, { ignore_password_expiry: true });
  const eve = { OS_USERNAME: 'eve', OS_PROJECT_NAME: 'top' };
  await script(['user password set --password second --original-password first'], { ...eve, OS_PASSWORD: 'first' });
  const [token] = await script(['token issue -f json'], { ...eve, OS_PASSWORD: 'second' });
  assert.equal(token.project_id, top.id);
});
