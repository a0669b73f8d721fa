/** The wiring of hosts on other machines: the gate where they come in, and what such a host runs. */
import { readFile, mkdir, writeFile } from 'node:fs/promises';
import { dial } from './agent/dial.ts';
import type { HostIdentity } from './agent/enrolment.ts';
import { farBlobs, overFarBlobs } from './agent/far-blobs.ts';
import { fleetDriver } from './agent/fleet.ts';
import { openGate } from './agent/gate.ts';
import { createGrants } from './agent/grants.ts';
import { serveDriver, serveDriverOn } from './agent/host.ts';
import { diskPassage, type PassageBlobs } from './agent/passage.ts';
import { connectDriver } from './agent/remote.ts';
import { carrySouthbound } from './agent/southbound.ts';
import type { DatabaseServer } from './cloud.ts';
import type { BlobStore, Driver } from './drivers/driver.ts';
import { systemRandom, type Clock } from './kit/clock.ts';
import type { Log } from './kit/log.ts';
import { openDatabase, type Database } from './kit/postgres/database.ts';
import { urlOfDatabase } from './kit/postgres/external.ts';
import { fileBlobStore, type ImageBlobs } from './services/image/blobs.ts';
import { hostLedger, hostRegistry } from './services/region/hosts.ts';
import { layoutOf, regionDatabaseName, type CloudConfig } from './supervisor/config.ts';

type Running = { stop(): Promise<void> };
type Handed = { clock: Clock; log: Log };

/** The region's hosts as one driver on a socket, from the moment that it resolves, and the port where further ones come in. */
export async function serveGate(config: CloudConfig, { clock, log, server, hostAuthorityKey }: Handed & { server: DatabaseServer; hostAuthorityKey: string }): Promise<Running> {
  if (!config.gate) throw new Error(`The cloud of ${config.stateDir} has no gate for hosts`);
  const layout = layoutOf(config.stateDir);
  const [authority, certificate, key] = await Promise.all([layout.hostAuthority, layout.gateCertificate, layout.gateKey].map((path) => readFile(path, 'utf8')));
  const database = databaseOf(config, server, log);
  const blobs = await fileBlobStore(layout.blobs);
  const grants = createGrants();
  const ledger = hostLedger({ database });
  const gate = await openGate({
    ...config.gate,
    certificate: certificate!,
    key: key!,
    authority: { certificate: authority!, key: hostAuthorityKey },
    registry: hostRegistry({ database, clock }),
    ledger,
    grants,
    blobs,
    region: { name: config.region, driver: config.driver },
    clock,
    log,
  });
  const first = connectDriver({ socketPath: layout.agentSocket, name: config.driver });
  const driver = fleetDriver({ first, members: gate.members, ledger, grants, passage: diskPassage(passing(blobs)), random: systemRandom, log });
  const served = await serveDriver(driver, { socketPath: layout.hostsSocket, log });
  // From now on all hosts are asked for here, also while this process is started again: without it half of them would seem to be gone.
  await writeFile(layout.gateOpen, '');
  return {
    async stop() {
      await served.close({ graceMs: 5_000 });
      await gate.close();
      await driver.close();
      await database.close();
    },
  };
}

/** `make`: the driver of this machine, which is one host, by its id. */
export async function serveAsHost(config: CloudConfig, { clock, log, make }: Handed & { make: (hostId: string, blobs: BlobStore) => Promise<Driver> }): Promise<Running> {
  if (!config.member) throw new Error(`${config.stateDir} holds no host of a region elsewhere`);
  const layout = layoutOf(config.stateDir);
  const identity = JSON.parse(await readFile(layout.hostIdentity, 'utf8')) as HostIdentity;
  const { gate, tunnels } = config.member;
  await mkdir(layout.blobs, { recursive: true, mode: 0o700 });
  const blobs = await farBlobs({ folder: layout.blobs, gate, identity });
  const southbound = tunnels && (await carrySouthbound({ port: tunnels.southboundPort, gate, identity, log }));
  const driver = overFarBlobs(await make(identity.hostId, blobs), blobs);
  const served = serveDriverOn(driver, { log });
  const dialing = dial({ gate, identity, accept: served.accept, clock, random: systemRandom, log });
  return {
    async stop() {
      await dialing.stop();
      await served.close();
      await driver.close();
      await southbound?.stop();
    },
  };
}

function passing(blobs: ImageBlobs): PassageBlobs {
  return {
    incomingPath: (upload) => blobs.incomingPath(upload),
    keep: (upload, sha256) => blobs.keep(upload, sha256),
    discard: (upload) => blobs.discard(upload),
    destroy: async (sha256) => (await blobs.setAside(sha256))?.destroy(),
  };
}

function databaseOf(config: CloudConfig, server: DatabaseServer, log: Log): Database {
  const [name, options] = [regionDatabaseName(config.region), { applicationName: 'gate', max: 4, log }];
  if (server.kind === 'embedded') return openDatabase({ ...options, host: server.socketDir, port: server.port, user: server.user, database: name });
  return openDatabase({ ...options, url: urlOfDatabase(server.url, name) });
}
