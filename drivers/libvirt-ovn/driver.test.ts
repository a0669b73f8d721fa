import { after, test } from 'node:test';
import { driverSuite } from '../driver.suite.ts';
import { startTestHost, whyNot, type TestHost } from './host.fixture.ts';

const reason = await whyNot();
if (reason) test('the libvirt and OVN driver', { skip: reason }, () => {});
else {
  let host: TestHost | undefined;
  after(() => host?.stop());
  driverSuite(
    'libvirt-ovn',
    async (t) => {
      host ??= await startTestHost({ number: 1, say: (line) => t.diagnostic(line) });
      const { driver, images, blobs, reopen, readStorage, stateDir } = host;
      return { driver, images, blobs, reopen, readStorage, stateDir };
    },
    { traits: { timeoutMs: 120_000, machine: { vcpus: 1, memoryMiB: 128 }, moves: false } },
  );
}
