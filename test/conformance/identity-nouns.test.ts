/** The stock clients over every noun of identity: the SDK in one process, and the command line in another. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { identity } from '../../contract/identity/service.ts';
import { adminPassword, identityFixture, type Parsed } from '../../services/identity/fixture.ts';
import { bootstrapIdentity } from '../../services/identity/identity.ts';

const run = promisify(execFile);
const withoutSdk = existsSync('/usr/lib/python3/dist-packages/openstack') ? false : 'python3-openstacksdk is not installed';
const withoutProgram = existsSync('/usr/bin/openstack') ? false : 'python3-openstackclient is not installed';
const script = fileURLToPath(new URL('./identity-nouns.py', import.meta.url));
/** To start the client costs more than all that it does: one process runs a command a line, and tells what each printed. */
const manyCommands = `
import sys, io, json, shlex, contextlib
from openstackclient import shell
told = []
for line in sys.stdin.read().splitlines():
    out, err = io.StringIO(), io.StringIO()
    words = shlex.split(line)
    words = [told[int(word[1:].split('.')[0])][1].get(word.split('.')[1]) if word.startswith('@') else word for word in words]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = shell.OpenStackShell().run(words)
    text = out.getvalue().strip()
    told.append([code, json.loads(text) if text[:1] in ('{', '[') else None, err.getvalue() or text])
print(json.dumps(told))
`;

async function start(t: TestContext): Promise<string> {
  const { door, parts } = await identityFixture(t);
  const url = await door.listen({ host: '127.0.0.1', port: 0 });
  await bootstrapIdentity(parts, { adminPassword, region: 'here', base: url, services: [identity] });
  return url;
}

test('the SDK makes, gets, finds, lists, changes and deletes every noun of identity', { skip: withoutSdk, timeout: 180_000 }, async (t) => {
  const url = await start(t);

  const { stdout } = await run('/usr/bin/python3', ['-W', 'ignore', script, url, adminPassword], { timeout: 120_000 });

  const nouns = ['domain', 'project', 'user', 'group', 'role', 'region', 'service', 'endpoint', 'credential', 'policy', 'registered_limit'];
  const rights = ['member', ...['project', 'domain', 'system'].flatMap((where) => ['user', 'group'].map((who) => `role of a ${who} in ${where === 'system' ? 'the' : 'a'} ${where}`))];
  assert.deepEqual(JSON.parse(stdout), {
    ...Object.fromEntries(nouns.map((noun) => [noun, []])),
    ...Object.fromEntries(rights.map((right) => [right, [false, true, false]])),
    limit: [5, [5]],
    assignments: [[true, true]],
    'projects of a user': ['work'],
    'application credential': [true, ['robot'], 'robot', true],
    trust: [true, true, true],
  });
});

test('the command line does every noun of identity', { skip: withoutProgram, timeout: 180_000 }, async (t) => {
  const url = await start(t);
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent', OS_AUTH_URL: `${url}/identity`, OS_IDENTITY_API_VERSION: '3', OS_REGION_NAME: 'here', OS_USERNAME: 'admin', OS_PASSWORD: adminPassword, OS_PROJECT_NAME: 'admin', OS_USER_DOMAIN_ID: 'default', OS_PROJECT_DOMAIN_ID: 'default' };
  // The filters of a group of endpoints are read from a file.
  const folder = mkdtempSync(join(tmpdir(), 'endpoint-filters-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const filters = join(folder, 'filters.json');
  writeFileSync(filters, JSON.stringify({ interface: 'internal' }));
  // @4.id: what the command of that number printed under that name.
  const commands = [
    /*  0 */ 'domain create acme -f json',
    /*  1 */ 'project create work --domain acme --tag blue -f json',
    /*  2 */ 'user create eve --domain acme --password secret -f json',
    /*  3 */ 'group create crew --domain acme -f json',
    /*  4 */ 'role create operator -f json',
    /*  5 */ 'service create thing --name thing -f json',
    /*  6 */ 'endpoint create --region here thing public http://thing.example -f json',
    /*  7 */ 'region create there --parent-region here -f json',
    /*  8 */ 'credential create --type cert @2.id x -f json',
    /*  9 */ 'ec2 credentials create -f json',
    /* 10 */ 'consumer create --description c -f json',
    /* 11 */ `endpoint group create inner ${filters} -f json`,
    /* 12 */ 'registered limit create --service thing --default-limit 10 things -f json',
    /* 13 */ 'limit create --service thing --project @1.id --resource-limit 5 things -f json',
    /* 14 */ 'trust create --project admin --role reader admin @2.id -f json',
    /* 15 */ 'application credential create --role reader robot -f json',
    /* 16 */ 'implied role create operator --implied-role reader -f json',
    'domain show acme -f json', 'domain list -f json', 'domain set --description x acme',
    'project show @1.id -f json', 'project list --domain acme -f json', 'project set --tag red --description x @1.id',
    'user show @2.id -f json', 'user list --domain acme -f json', 'user set --email e@example.org @2.id', 'user set --password other @2.id',
    'group show @3.id -f json', 'group list --domain acme -f json', 'group set --description x @3.id',
    'group add user @3.id @2.id', 'group contains user @3.id @2.id', 'user list --group @3.id -f json', 'group list --user @2.id -f json', 'group remove user @3.id @2.id',
    'role show operator -f json', 'role list -f json', 'role set --description x operator',
    'role add --user @2.id --project @1.id operator', 'role add --group @3.id --domain acme operator', 'role add --user @2.id --system all operator', 'role add --user @2.id --domain acme --inherited operator',
    'role assignment list --user @2.id --names -f json', 'role assignment list --system all -f json', 'role assignment list --effective --project @1.id -f json',
    'role remove --user @2.id --project @1.id operator', 'role remove --group @3.id --domain acme operator', 'role remove --user @2.id --system all operator', 'role remove --user @2.id --domain acme --inherited operator',
    'implied role list -f json', 'implied role delete operator --implied-role reader',
    'service show thing -f json', 'service list --long -f json', 'service set --disable thing', 'service set --enable thing',
    'endpoint show @6.id -f json', 'endpoint list --service thing -f json', 'endpoint set --url http://other.example @6.id', 'endpoint add project @6.id @1.id', 'endpoint list --project @1.id -f json', 'endpoint remove project @6.id @1.id',
    'endpoint group show @11.id -f json', 'endpoint group list -f json', 'endpoint group set --description x @11.id', 'endpoint group add project @11.id @1.id', 'endpoint group list --project @1.id -f json', 'endpoint group remove project @11.id @1.id', 'endpoint group delete @11.id',
    'region show there -f json', 'region list -f json', 'region set --description x there',
    'credential show @8.id -f json', 'credential list --type cert -f json', 'credential set --user @2.id --type cert --data y @8.id',
    'ec2 credentials show @9.access -f json', 'ec2 credentials list -f json',
    'consumer show @10.id -f json', 'consumer list -f json', 'consumer set --description d @10.id',
    'registered limit show @12.id -f json', 'registered limit list -f json', 'limit show @13.id -f json', 'limit list -f json', 'limit set --resource-limit 6 @13.id -f json',
    'trust show @14.id -f json', 'trust list -f json',
    'application credential show robot -f json', 'application credential list -f json',
    'policy list -f json', 'access rule list -f json', 'catalog list -f json', 'catalog show thing -f json', 'token issue -f json', 'versions show --service identity -f json',
    'application credential delete robot', 'trust delete @14.id', 'limit delete @13.id', 'registered limit delete @12.id', 'consumer delete @10.id', 'ec2 credentials delete @9.access', 'credential delete @8.id',
    'region delete there', 'endpoint delete @6.id', 'service delete thing', 'role delete operator', 'group delete @3.id', 'user delete @2.id', 'project delete @1.id', 'domain set --disable acme', 'domain delete acme',
  ];
  const running = run('/usr/bin/python3', ['-W', 'ignore', '-c', manyCommands], { env, timeout: 150_000, maxBuffer: 8 * 1024 * 1024 });
  running.child.stdin!.end(commands.join('\n'));

  const told = JSON.parse((await running).stdout) as [number, Parsed, string][];

  assert.deepEqual(told.flatMap(([code, , words], index) => (code === 0 ? [] : [`${commands[index]}: ${words}`])), []);
  const printed = (command: string) => told[commands.indexOf(command)]![1];
  assert.deepEqual(printed('role assignment list --user @2.id --names -f json').map((each: Parsed) => [each.Role, each.Project, each.Domain, each.System, each.Inherited]).sort(), [
    ['operator', '', '', 'all', false],
    ['operator', '', 'acme', '', true],
    ['operator', 'work@acme', '', '', false],
  ]);
  assert.equal(printed('limit set --resource-limit 6 @13.id -f json').resource_limit, 6);
  assert.deepEqual(printed('catalog show thing -f json').type, 'thing');
});
