import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemClock, systemRandom } from '../../kit/clock.ts';
import type { DiskKeys } from '../driver.ts';
import { folderBlobs, putRawImage } from '../driver.fixtures.ts';
import { createSimulatedDriver, type SimulatedOptions } from './simulated.ts';

/** A region in a folder of its own, removed after the test. */
export async function simulatedFixture(t: TestContext, more: Partial<SimulatedOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'simulated-'));
  const blobFolder = join(folder, 'blobs');
  const blobs = folderBlobs(blobFolder);
  const images = [await putRawImage(blobFolder, 'the first image'), await putRawImage(blobFolder, 'the second image')] as const;
  const options: SimulatedOptions = {
    stateDir: join(folder, 'region'), hosts: 3, hostShape: { vcpus: 8, memoryMiB: 16_384, diskGiB: 100 }, blobs,
    clock: systemClock, random: systemRandom, ...more,
  };
  let driver = createSimulatedDriver(options);
  t.after(async () => {
    await driver.close();
    await rm(folder, { recursive: true });
  });
  return {
    folder, options, images, blobs, driver,
    stateDir: options.stateDir,
    writeToVolume: (id: string, offset: number, bytes: Uint8Array, keys?: DiskKeys) => driver.simulation.writeToVolume(id, offset, bytes, keys),
    readStorage: async (id: string) => driver.simulation.readStorage(id),
    async reopen() {
      await driver.close();
      return (driver = createSimulatedDriver(options));
    },
  };
}
