/** The driver for a host of our own: libvirt for machines, files for volumes, OVN for networks. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { serialised } from '../../kit/serial.ts';
import type { BlobStore, Driver, NetworkDriver } from '../driver.ts';
import { openDisks } from './disks.ts';
import type { EngineLayout } from './engine-layout.ts';
import { emulator, hostAccelerator } from './engines.ts';
import { createHostDriver } from './hosts.ts';
import { createImageCache, createImageDriver } from './images.ts';
import { qemuUser } from './libvirt-daemon.ts';
import { createLibvirt, type DomainEvent } from './libvirt/libvirt.ts';
import type { LocalSwitch } from './network/plug.ts';
import { openRecords } from './records.ts';
import { createConsoleDriver } from './consoles.ts';
import { createServerDriver, isImageUsed, serversWithVolume, type ServerRecord } from './servers.ts';
import { createTaps } from './taps.ts';
import { createVolumeDriver, type SnapshotRecord, type VolumeRecord } from './volumes.ts';

export type LibvirtOvnOptions = {
  layout: EngineLayout;
  hostId: string;
  /** By which other hosts reach this one. */
  address: string;
  blobs: BlobStore;
  networks: NetworkDriver;
  /** The switch into which guests' taps are plugged. */
  localSwitch: LocalSwitch;
  /** Shared by the clouds of this host. */
  cacheDir: string;
  /** Told what went wrong where nobody waits for an answer. */
  onError: (error: unknown) => void;
};

/** The engines must run. Needs root. One driver over a state folder at a time. */
export async function createLibvirtOvnDriver({ layout, hostId, address, blobs, networks, localSwitch, cacheDir, onError }: LibvirtOvnOptions): Promise<Driver> {
  const user = await qemuUser();
  const folder = join(layout.stateDir, 'records');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const records = {
    servers: await openRecords<ServerRecord>(join(folder, 'servers')),
    volumes: await openRecords<VolumeRecord>(join(folder, 'volumes')),
    snapshots: await openRecords<SnapshotRecord>(join(folder, 'snapshots')),
  };
  const disks = await openDisks({ layout, user });
  const accelerator = await hostAccelerator(cacheDir);
  const listeners: ((event: DomainEvent) => void)[] = [];
  const libvirt = createLibvirt({ socketPath: layout.libvirtSocket, onEvent: (event) => listeners.forEach((listen) => listen(event)) });

  const serial = serialised<string>();
  const images = createImageCache({ disks, blobs, serial });
  const servers = createServerDriver({
    hostId, libvirt, disks, images, blobs, serial, user, accelerator, emulator,
    records: records.servers,
    volumes: records.volumes,
    taps: createTaps({ layout, localSwitch }),
  });
  listeners.push((event) => servers.onEvent(event));
  const tidying = setInterval(() => void servers.tidy().catch(onError), 5_000).unref();

  return {
    name: 'libvirt-ovn',
    hosts: createHostDriver({ hostId, address, stateDir: layout.stateDir, libvirt }),
    images: createImageDriver({ disks, serial, isUsed: (sha256) => isImageUsed(records.servers, sha256) }),
    volumes: createVolumeDriver({ disks, libvirt, images, blobs, records, serial, usersOf: (volumeId) => serversWithVolume(records.servers, volumeId) }),
    networks,
    servers,
    consoles: createConsoleDriver({ hostId, libvirt, disks }),
    quarantine: { list: async () => [] },
    counterparts: { list: async () => [] },
    async close() {
      clearInterval(tidying);
      // What was asked for before is finished first.
      await serial.runAlone(() => undefined);
      await libvirt.close();
    },
  };
}
