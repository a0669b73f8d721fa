/** The driver of partners' clouds against the real thing: OpenStack Zed, whose machines, volumes and switches alone are pretended. */
import { after, before, test } from 'node:test';
import { createClient } from '../../contract/client.ts';
import { identity } from '../../contract/identity/service.ts';
import { network } from '../../contract/network/service.ts';
import { driverSuite } from '../../drivers/driver.suite.ts';
import { openRegion, type Access, type PartnerFixture } from '../../drivers/openstack/partner.fixture.ts';
import { startPeer, whyNoPeer, type Peer } from './peer-openstack.ts';

if (whyNoPeer !== undefined) test('a partner’s real OpenStack', { skip: whyNoPeer }, () => {});
else {
  let opened: PartnerFixture | undefined;
  const ending: (() => Promise<void>)[] = [];
  const wholeFile = { after: (work: () => Promise<void>) => void ending.push(work) };

  before(
    async () => {
      const peer = await startPeer((line) => process.stdout.write(`# ${line}\n`));
      wholeFile.after(() => peer.stop());
      opened = await openRegion(wholeFile, await accessTo(peer));
    },
    { timeout: 900_000 },
  );
  after(
    async () => {
      for (let end = ending.shift(); end; end = ending.shift()) await end();
    },
    { timeout: 120_000 },
  );

  driverSuite(
    'OpenStack Zed',
    async () => {
      const { driver, images, blobs, reopen } = opened!;
      return { driver, images, blobs, reopen };
    },
    { traits: { timeoutMs: 180_000, moves: false, bootLine: null, consoleLines: 3, holdsBytes: false, externalCidr: '172.24.5.0/24' } },
  );
}

/** What a partner's operator would send us. */
async function accessTo({ authUrl, adminPassword: password, region }: Peer): Promise<Access> {
  const domain = { name: 'Default' };
  const reply = await createClient(identity, { endpoint: authUrl }).tokens.create({
    body: { auth: { identity: { methods: ['password'], password: { user: { name: 'admin', domain, password } } }, scope: { project: { name: 'admin', domain } } } },
  });
  const url = reply.body.token.catalog?.find(({ type }) => type === 'network')?.endpoints[0]?.url ?? '';
  const neutron = createClient(network, { endpoint: `${url}/v2.0`, token: () => reply.headers.get('x-subject-token') ?? '' });
  const { networks } = (await neutron.networks.list({ query: { 'router:external': ['true'] } })).body;
  return { authUrl, region, userDomain: 'Default', domainId: 'default', credential: { kind: 'password', user: 'admin', password, project: { name: 'admin', domain: 'Default' } }, externalNetwork: networks[0]?.id ?? null };
}
