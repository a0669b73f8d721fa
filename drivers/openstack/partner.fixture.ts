/** A second Intercloud in this process as the partner, and a driver of it with handles in a database of its own. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { letIn } from '../../cli/partner-letting-in.ts';
import { systemClock, systemRandom } from '../../kit/clock.ts';
import { testDatabase } from '../../kit/postgres/testing.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';
import { folderBlobs, putRawImage } from '../driver.fixtures.ts';
import type { VettedImage } from '../driver.ts';
import { handleSchema, postgresHandles } from './handles-postgres.ts';
import { makeOpenstackDriver, type OpenstackDriver, type OpenstackOptions } from './openstack.ts';

export type Cleanup = { after(work: () => Promise<void>): void };

export type PartnerFixture = {
  options: OpenstackOptions;
  images: readonly [VettedImage, VettedImage];
  blobs: OpenstackOptions['blobs'];
  driver: OpenstackDriver;
  reopen(): Promise<OpenstackDriver>;
};

export type Access = Pick<OpenstackOptions, 'authUrl' | 'region' | 'credential' | 'userDomain' | 'domainId' | 'externalNetwork'> & Partial<Pick<OpenstackOptions, 'fetch'>>;

/** A region of ours at a partner's that is already there. */
export async function openRegion(t: Cleanup, access: Access): Promise<PartnerFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'partner-'));
  const blobFolder = join(folder, 'blobs');
  const blobs = folderBlobs(blobFolder);
  const images = [await putRawImage(blobFolder, `the first image of ${folder}`), await putRawImage(blobFolder, `the second image of ${folder}`)] as const;
  const { database } = await testDatabase(t, { migrations: [handleSchema] });
  const options: OpenstackOptions = {
    ...access, blobs, clock: systemClock, random: systemRandom,
    handles: postgresHandles({ database, clock: systemClock }),
    capacity: { vcpus: 64, memoryMiB: 131_072, diskGiB: 1000 },
  };
  const fixture = { options, images, blobs, driver: makeOpenstackDriver(options) };
  t.after(async () => {
    await fixture.driver.close();
    await rm(folder, { recursive: true });
  });
  return Object.assign(fixture, {
    async reopen() {
      await fixture.driver.close();
      return (fixture.driver = makeOpenstackDriver(options));
    },
  });
}

export const EXTERNAL_CIDR = '198.51.100.0/24';

/** What the partner offers to everybody, and to us, who may make none: vCPUs, MiB, GiB. */
const sizes = [[1, 64, 1], [2, 128, 1]] as const;

/** The partner, and what its operator has given us. */
export async function startPartner(t: Cleanup): Promise<{ partner: TestCloud; access: Access }> {
  const partner = await startCloud(t, { clock: systemClock });
  const { networks } = (await partner.admin.network.networks.list({ query: { 'router:external': ['true'] } })).body;
  for (const [vcpus, ram, disk] of sizes) await partner.admin.compute.flavors.create({ body: { flavor: { name: `offered-${vcpus}-${ram}-${disk}`, vcpus, ram, disk } } });
  const login = { user: 'us', password: randomBytes(12).toString('hex') };
  const { domainId } = await letIn(partner.admin.identity, { domain: 'rented', ...login });
  const access: Access = {
    authUrl: 'http://cloud.example/identity', region: 'RegionOne', userDomain: 'rented', domainId,
    credential: { kind: 'password', ...login },
    externalNetwork: networks[0]?.id ?? null, fetch: partner.fetch,
  };
  return { partner, access };
}
