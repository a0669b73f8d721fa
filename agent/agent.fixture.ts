/** An agent as a process of its own, to be killed: node agent.fixture.ts SOCKET STATE-FOLDER BLOB-FOLDER */
import { folderBlobs } from '../drivers/driver.fixtures.ts';
import { createSimulatedDriver } from '../drivers/simulated/simulated.ts';
import { systemClock, systemRandom } from '../kit/clock.ts';
import { createLog } from '../kit/log.ts';
import { serveDriver } from './host.ts';

const [socketPath, stateDir, blobFolder] = process.argv.slice(2);
if (!socketPath || !stateDir || !blobFolder) throw new Error('Give the socket, the state folder and the blob folder');

const driver = createSimulatedDriver({
  stateDir,
  hosts: 3,
  hostShape: { vcpus: 8, memoryMiB: 16_384, diskGiB: 100 },
  blobs: folderBlobs(blobFolder),
  clock: systemClock,
  random: systemRandom,
});
const served = await serveDriver(driver, { socketPath, log: createLog({ name: 'agent', level: 'info' }) });

process.once('SIGTERM', () => {
  void served.close().then(() => driver.close());
});
