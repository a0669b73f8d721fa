/** A cloud of identity and network behind one door, and people who use it by the stock client, python3-openstackclient. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { contracts } from '../../contract/contracts.ts';
import { systemClock, systemRandom } from '../../kit/clock.ts';
import { createDoor } from '../../kit/http/serve.ts';
import { createLog } from '../../kit/log.ts';
import { adminPassword, identityFixture } from '../../services/identity/fixture.ts';
import { bootstrapIdentity } from '../../services/identity/identity.ts';
import { networkFixture, type Parsed } from '../../services/network/network.fixture.ts';

const program = '/usr/bin/openstack';
const run = promisify(execFile);
export const skip = existsSync(program) ? false : 'python3-openstackclient is not installed';

export async function startCloud(t: TestContext) {
  const home = await identityFixture(t);
  const region = await networkFixture(t);
  const door = createDoor({
    implementations: [home.identity.implementation!, region.implementation], authenticate: home.identity.authenticate, clock: systemClock, random: systemRandom, log: createLog({ name: 'test', level: 'fatal' }),
  });
  t.after(() => door.drain());
  const url = await door.listen({ host: '127.0.0.1', port: 0 });
  await bootstrapIdentity(home.parts, { adminPassword, region: 'here', base: url, services: contracts });
  const alice = await home.person('alice', 'member');
  const as = (name: string, password: string) => async (command: string): Promise<Parsed> => {
    const words = command.match(/'[^']*'|\S+/g)!.map((word) => word.replaceAll("'", ''));
    const { stdout } = await run(program, words, {
      env: {
        PATH: process.env['PATH'], HOME: '/nonexistent', PYTHONWARNINGS: 'ignore', OS_AUTH_URL: `${url}/identity`, OS_IDENTITY_API_VERSION: '3', OS_REGION_NAME: 'here', OS_USERNAME: name, OS_PASSWORD: password,
        OS_PROJECT_NAME: name, OS_USER_DOMAIN_ID: 'default', OS_PROJECT_DOMAIN_ID: 'default',
      },
      timeout: 60_000,
    });
    return command.includes('-f json') ? JSON.parse(stdout) : stdout;
  };
  return { region, admin: as('admin', adminPassword), alice: as('alice', alice.password) };
}
