/** What can be done to a disk while a guest writes to it. */
import { setTimeout as pause } from 'node:timers/promises';
import { DriverError } from '../driver.ts';
import { whileKnown, type Lock } from './disk-secrets.ts';
import type { Disk, Disks } from './disks.ts';
import { copyXml, readDevices } from './domain-xml.ts';
import type { Domain, Libvirt } from './libvirt/libvirt.ts';
import { domainState } from './libvirt/protocol.ts';

export type DiskInUse = { domain: Domain; device: string };

/** The machine whose QEMU has this file open now, running or paused. */
export async function findDiskInUse(libvirt: Libvirt, disks: Disks, { path, serverId }: { path: string; serverId: string }): Promise<DiskInUse | undefined> {
  const domain = await libvirt.findDomain(serverId);
  if (!domain || !isActive((await libvirt.state(domain)).state)) return undefined;
  const disk = readDevices(await libvirt.xml(domain)).disks.find((found) => found.path === disks.seenByGuest(path));
  return disk && { domain, device: disk.device };
}

/**
 * A copy of the disk as it is at the moment when the copy ends, as if the power had failed then: QEMU mirrors every write
 * until both are equal, and then lets go of the copy. The guest runs on meanwhile.
 */
export async function copyDiskInUse({ libvirt, disks, disk, from, to, lock }: { libvirt: Libvirt; disks: Disks; disk: DiskInUse; from: Disk; to: string; lock?: Lock | undefined }): Promise<void> {
  await disks.create(to, { sizeBytes: await disks.virtualSizeBytes(from.path, from.format), format: from.format, lock });
  // Only its beginning needs to know the key.
  await whileKnown(libvirt, lock ? { [lock.id]: lock.key } : {}, () => libvirt.copyBlock(disk.domain, disk.device, copyXml(disks.seenByGuest(to), from.format, lock?.id)));
  let isComplete = false;
  const deadline = performance.now() + 30 * 60_000;
  try {
    while (!isComplete) {
      const job = await libvirt.blockJob(disk.domain, disk.device);
      if (!job) throw new DriverError('failed', `The copy of ${disk.device} ended by itself: is the disk full, or has the machine stopped?`);
      // libvirt says one less than the end until the mirror is complete.
      isComplete = job.end > 0n && job.cursor === job.end;
      if (!isComplete && performance.now() > deadline) throw new DriverError('failed', `The copy of ${disk.device} took too long`);
      if (!isComplete) await pause(50);
    }
  } finally {
    await libvirt.endBlockJob(disk.domain, disk.device).catch((error: unknown) => {
      if (isComplete || !(error instanceof DriverError)) throw error; // Otherwise what went wrong before is what matters.
    });
  }
}

export function isActive(state: number): boolean {
  return state !== domainState.shutoff && state !== domainState.crashed && state !== domainState.none;
}
