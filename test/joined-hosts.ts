/** A region with a gate, and machines that join it as they would by the command line: each with a driver and a folder of its own, over real TLS. */
import { link, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { dial } from '../agent/dial.ts';
import type { HostIdentity } from '../agent/enrolment.ts';
import { farBlobs, overFarBlobs, type FarBlobs } from '../agent/far-blobs.ts';
import { fleetDriver } from '../agent/fleet.ts';
import { openGate } from '../agent/gate.ts';
import { createGrants } from '../agent/grants.ts';
import { serveDriverOn } from '../agent/host.ts';
import { fingerprintOf, joinRegion, type HostToken } from '../agent/joining.ts';
import { diskPassage, type PassageBlobs } from '../agent/passage.ts';
import { folderBlobs, putRawImage } from '../drivers/driver.fixtures.ts';
import type { BlobStore, Driver } from '../drivers/driver.ts';
import { createSimulatedDriver } from '../drivers/simulated/simulated.ts';
import { issueCertificate, makeAuthority, makeKeys } from '../kit/authority.ts';
import { manualClock, systemClock, systemRandom } from '../kit/clock.ts';
import { createLog } from '../kit/log.ts';
import { testDatabase } from '../kit/postgres/testing.ts';
import { hostLedger, hostRegistry, inviteHost, removeHost, renewInvitation } from '../services/region/hosts.ts';
import { regionSchemas } from '../services/services.ts';

type Test = { after(work: () => Promise<void>): void };
export type Line = { level: number; msg: string; [key: string]: unknown };

const hostShape = { vcpus: 8, memoryMiB: 16_384, diskGiB: 100 };

export async function regionWithGate(t: Test, { southboundPort }: { southboundPort?: number } = {}) {
  const { database } = await testDatabase(t, { migrations: regionSchemas });
  const folder = await mkdtemp(join(tmpdir(), 'joined-hosts-'));
  const lines: Line[] = [];
  const log = createLog({ name: 'gate', level: 'info', destination: { write: (line: string) => void lines.push(JSON.parse(line) as Line) } });
  const clock = manualClock(new Date());
  const blobFolder = join(folder, 'blobs');
  const blobs = folderBlobs(blobFolder);
  const images = [await putRawImage(blobFolder, 'the first image'), await putRawImage(blobFolder, 'the second image')] as const;
  const first = createSimulatedDriver({ stateDir: join(folder, 'first'), hosts: 1, hostShape, blobs, clock: systemClock, random: systemRandom });
  const authority = await makeAuthority({ subject: 'CN=hosts of a test', now: clock.now(), years: 10 });
  const keys = makeKeys();
  const certificate = await issueCertificate(authority, { subject: 'CN=gate', use: 'server', names: [{ type: 'dns', value: 'gate.intercloud.internal' }], publicKey: keys.publicKey, now: clock.now(), years: 10 });
  const grants = createGrants();
  const ledger = hostLedger({ database });
  const open = (port: number, returnWithinMs = 20_000) => openGate({ ...(southboundPort === undefined ? {} : { southboundPort }), returnWithinMs, host: '127.0.0.1', port, certificate, key: keys.key, authority, registry: hostRegistry({ database, clock }), ledger, grants, blobs, region: { name: 'RegionOne', driver: 'simulated' }, clock, log });
  let gate = await open(0);
  const address = { host: '127.0.0.1', port: gate.port };
  const driver = fleetDriver({ first, members: { all: () => gate.members.all(), find: (id) => gate.members.find(id) }, ledger, grants, passage: diskPassage(passing(blobFolder, blobs)), random: systemRandom, log, listWithinMs: 5_000 });
  const closing: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const close of closing.toReversed()) await close();
    await gate.close();
    await first.close();
    await rm(folder, { recursive: true });
  });

  const asOperator = <T>(work: (context: Parameters<typeof inviteHost>[0]) => Promise<T>) =>
    database.transaction({ kind: 'system', reason: 'an operator of the test' }, (tx) => work({ tx, now: clock.now(), random: systemRandom, requestId: 'req-test' } as Parameters<typeof inviteHost>[0]));
  const tokenOf = ({ host, secret }: Awaited<ReturnType<typeof inviteHost>>): HostToken => ({ hostId: host.id, secret, authority: fingerprintOf(authority.certificate) });

  /** What a machine does with its identity: a driver of its own, and the connection. `lie`: what it says instead of the truth. */
  async function run(identity: HostIdentity, { lie = (own: Driver, _blobs: FarBlobs) => own, name = identity.hostId, via = address }: { lie?: (own: Driver, blobs: FarBlobs) => Driver; name?: string; /** By which way it reaches the gate. */ via?: typeof address } = {}) {
    const far = await farBlobs({ folder: join(folder, name, 'blobs'), gate: address, identity });
    const own = createSimulatedDriver({ stateDir: join(folder, name, 'region'), hosts: 1, hostId: identity.hostId, hostShape, blobs: far, clock: systemClock, random: systemRandom });
    const served = serveDriverOn(lie(overFarBlobs(own, far), far), { log: createLog({ name: 'host', level: 'silent' }) });
    const dialing = dial({ gate: via, identity, accept: served.accept, clock: systemClock, random: systemRandom, log: createLog({ name: 'host', level: 'silent' }), longestMs: 400 });
    let stopped: Promise<void> | undefined;
    const stop = () =>
      (stopped ??= (async () => {
        await dialing.stop();
        await served.close();
        await own.close();
      })());
    closing.push(stop);
    return { own, stop };
  }

  return {
    database, clock, driver, first, images, address, authority, lines, ledger, blobs,
    async invite(name: string) {
      // They are listed in the order in which they were invited.
      clock.advance(1);
      return tokenOf(await asOperator((context) => inviteHost(context, name)));
    },
    renew: async (hostId: string) => tokenOf(await asOperator((context) => renewInvitation(context, hostId))),
    remove: (hostId: string) => asOperator((context) => removeHost(context, hostId)),
    enrol: async (token: HostToken, key = makeKeys().key) => (await joinRegion({ gate: address, token, key })).identity,
    run,
    isConnected: (hostId: string) => gate.members.find(hostId)?.driver !== undefined,
    /** The gate's process ends, and another one starts. */
    async reopenGate(returnWithinMs?: number) {
      await gate.close();
      gate = await open(address.port, returnWithinMs);
    },
    said: (text: RegExp) => lines.filter(({ msg }) => text.test(msg)),
  };
}

function passing(folder: string, { incomingPath }: BlobStore): PassageBlobs {
  return {
    incomingPath,
    keep: (upload, sha256) => link(incomingPath(upload), join(folder, sha256)),
    discard: (upload) => rm(incomingPath(upload), { force: true }),
    destroy: (sha256) => rm(join(folder, sha256), { force: true }),
  };
}

/** Until it is so; what it is in the end is for whoever asks. */
export async function until(isSo: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> {
  for (const deadline = performance.now() + withinMs; !(await isSo()); await pause(20)) if (performance.now() > deadline) throw new Error('It did not become so');
}
