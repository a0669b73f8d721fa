import { after } from 'node:test';
import { driverSuite } from '../driver.suite.ts';
import { EXTERNAL_CIDR, openRegion, startPartner, type PartnerFixture } from './partner.fixture.ts';

let opened: Promise<PartnerFixture> | undefined;
const ending: (() => Promise<void>)[] = [];
const wholeFile = { after: (work: () => Promise<void>) => void ending.push(work) };
after(async () => {
  for (let end = ending.shift(); end; end = ending.shift()) await end();
});

driverSuite(
  'a second Intercloud',
  async () => {
    opened ??= startPartner(wholeFile).then(({ access }) => openRegion(wholeFile, access));
    const { driver, images, blobs, reopen } = await opened;
    return { driver, images, blobs, reopen };
  },
  { traits: { timeoutMs: 60_000, moves: false, shares: false, locks: false, opensConsoles: false, externalCidr: EXTERNAL_CIDR } },
);
