/** Many agents in one process, each a host of its own with a simulated machine: node agents.child.ts FILE, which holds their gate, their folder and their identities. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dial } from '../agent/dial.ts';
import { farBlobs, overFarBlobs } from '../agent/far-blobs.ts';
import { serveDriverOn } from '../agent/host.ts';
import { createSimulatedDriver } from '../drivers/simulated/simulated.ts';
import { systemClock, systemRandom } from '../kit/clock.ts';
import { createLog } from '../kit/log.ts';
import type { AgentsWish } from './agents.ts';

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('Give the file that says which agents these are');

const { gate, folder, identities } = JSON.parse(readFileSync(file, 'utf8')) as AgentsWish;
const log = createLog({ name: 'agents', level: 'error' });
const agents = await Promise.all(
  identities.map(async (identity) => {
    const at = join(folder, identity.hostId);
    mkdirSync(join(at, 'blobs'), { recursive: true });
    const blobs = await farBlobs({ folder: join(at, 'blobs'), gate, identity });
    const driver = createSimulatedDriver({ stateDir: join(at, 'region'), hosts: 1, hostId: identity.hostId, hostShape: { vcpus: 32, memoryMiB: 131_072, diskGiB: 1_000 }, blobs, clock: systemClock, random: systemRandom });
    return { identity, driver, served: serveDriverOn(overFarBlobs(driver, blobs), { log }) };
  }),
);
// All at the same moment, as after a power cut.
for (const { identity, served } of agents) dial({ gate, identity, accept: served.accept, clock: systemClock, random: systemRandom, log });
process.send?.('dialling');
process.once('disconnect', () => process.exit(0));
