/** A server's own files on this host: its root disk and others, config drive and console. */
import { createHash } from 'node:crypto';
import { chown, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DriverError, type LocalDiskSpec, type ServerSpec } from '../driver.ts';
import { run } from './command.ts';
import { writeConfigDrive } from './config-drive.ts';
import { ensureConsoleFile } from './console-log.ts';
import type { Disks } from './disks.ts';
import { isThere } from './engine-programs.ts';
import type { ImageCache } from './images.ts';
import { requireId } from './records.ts';

/** What of a specification the files were last made for. */
export type MadeFiles = { rootEpoch: number | null; rootGiB: number; rootImage: string | null; configDrive: string | null; rescueImage?: string | null; /** By name. */ localDisks?: Readonly<Record<string, Pick<LocalDiskSpec, 'sizeMiB' | 'epoch'>>> };

export const noFiles: MadeFiles = { rootEpoch: null, rootGiB: 0, rootImage: null, configDrive: null };

export function serverPaths(disks: Disks, serverId: string) {
  const folder = join(disks.folder, 'servers', requireId(serverId));
  return { folder, rootDisk: join(folder, 'root.qcow2'), rescueDisk: join(folder, 'rescue.qcow2'), configDrive: join(folder, 'config.iso'), console: join(folder, 'console.log'), vnc: join(disks.folder, 'vnc', serverId), serial: join(disks.folder, 'vnc', `${serverId}.tty`) };
}

/** With the machine off: makes what is missing or out of date. */
export async function ensureServerFiles({
  disks, images, user, spec, made,
}: { disks: Disks; images: ImageCache; user: { uid: number; gid: number }; spec: ServerSpec; made: MadeFiles }): Promise<MadeFiles> {
  const paths = serverPaths(disks, spec.id);
  await mkdir(paths.folder, { recursive: true, mode: 0o710 });
  await chown(paths.folder, 0, user.gid);
  await ensureConsoleFile(paths.console, user);
  const root = await ensureRootDisk({ disks, images, spec, made, path: paths.rootDisk });
  const localDisks = await ensureLocalDisks({ disks, spec, made, folder: paths.folder });
  const rescueImage = await ensureRescueDisk({ disks, images, spec, made, path: paths.rescueDisk });
  return { ...root, localDisks, rescueImage, configDrive: await ensureConfigDrive({ disks, user, spec, made, path: paths.configDrive }) };
}

export async function removeServerFiles(disks: Disks, serverId: string): Promise<void> {
  const { folder, vnc, serial } = serverPaths(disks, serverId);
  await rm(folder, { recursive: true, force: true });
  for (const socket of [vnc, serial]) await rm(socket, { force: true });
}

async function ensureRootDisk({ disks, images, spec: { id, rootDisk }, made, path }: { disks: Disks; images: ImageCache; spec: ServerSpec; made: MadeFiles; path: string }): Promise<Pick<MadeFiles, 'rootEpoch' | 'rootGiB' | 'rootImage'>> {
  if (rootDisk.kind === 'volume') {
    await disks.remove(path);
    return { rootEpoch: null, rootGiB: 0, rootImage: null };
  }
  const { image, sizeGiB, epoch } = rootDisk;
  const sizeBytes = sizeGiB * 2 ** 30;
  if (made.rootEpoch === epoch) {
    if (!(await isThere(path))) throw new DriverError('missing', `The root disk of the server ${id} has gone`);
    if (sizeGiB > made.rootGiB && sizeBytes > (await disks.virtualSizeBytes(path, 'qcow2'))) await disks.resize({ path, format: 'qcow2' }, sizeBytes);
    return { rootEpoch: epoch, rootGiB: Math.max(sizeGiB, made.rootGiB), rootImage: made.rootImage };
  }
  if (sizeGiB > 0 && sizeBytes < image.virtualSizeBytes) throw new DriverError('invalid', `${sizeGiB} GiB are too few for the image ${image.imageId}`);
  const base = await images.ensure(image);
  const scratch = `${path}.new`;
  await disks.remove(scratch);
  await disks.create(scratch, { sizeBytes: Math.max(sizeBytes, image.virtualSizeBytes), base });
  await disks.finish(scratch, path);
  return { rootEpoch: epoch, rootGiB: sizeGiB, rootImage: image.sha256 };
}

/** It is a file's name, and what QEMU tells the guest. */
export function isLocalName(name: string): boolean {
  return /^(ephemeral\d|swap)$/.test(name);
}

async function ensureLocalDisks({ disks, spec: { id, localDisks = [] }, made, folder }: { disks: Disks; spec: ServerSpec; made: MadeFiles; folder: string }): Promise<NonNullable<MadeFiles['localDisks']>> {
  const before = made.localDisks ?? {};
  for (const name of Object.keys(before)) if (!localDisks.some((disk) => disk.name === name)) await disks.remove(join(folder, `${name}.qcow2`));
  for (const disk of localDisks) {
    const path = join(folder, `${disk.name}.qcow2`);
    const had = before[disk.name];
    const isKept = had?.epoch === disk.epoch && (disk.format !== 'swap' || had.sizeMiB === disk.sizeMiB);
    if (!isKept) await makeLocalDisk(disks, disk, path);
    else if (!(await isThere(path))) throw new DriverError('missing', `The disk ${disk.name} of the server ${id} has gone`);
    else if (disk.sizeMiB < had.sizeMiB) throw new DriverError('invalid', `The disk ${disk.name} of the server ${id} cannot become smaller`);
    else if (disk.sizeMiB * 2 ** 20 > (await disks.virtualSizeBytes(path, 'qcow2'))) await disks.resize({ path, format: 'qcow2' }, disk.sizeMiB * 2 ** 20);
  }
  return Object.fromEntries(localDisks.map(({ name, sizeMiB, epoch }) => [name, { sizeMiB, epoch }]));
}

/** No guest has written any of it: what makes file systems sees a plain file, which then becomes the disk. */
async function makeLocalDisk(disks: Disks, { name, sizeMiB, format }: LocalDiskSpec, path: string): Promise<void> {
  const sizeBytes = sizeMiB * 2 ** 20;
  const [plain, scratch] = [disks.scratchPath(), disks.scratchPath()];
  try {
    if (format === null) await disks.create(scratch, { sizeBytes });
    else {
      await disks.create(plain, { sizeBytes, format: 'raw' });
      if (format === 'swap') await run('mkswap', ['--quiet', '--label', name, plain], { timeoutMs: 60_000 });
      else await run(`mkfs.${format}`, ['-q', '-F', '-L', name, plain], { timeoutMs: 10 * 60_000 });
      await disks.copy({ path: plain, format: 'raw' }, scratch);
    }
    await disks.finish(scratch, path);
  } finally {
    for (const left of [plain, scratch]) await disks.remove(left);
  }
}

/** Made anew for each rescue: what the last one wrote is of no use. */
async function ensureRescueDisk({ disks, images, spec: { rescue }, made, path }: { disks: Disks; images: ImageCache; spec: ServerSpec; made: MadeFiles; path: string }): Promise<string | null> {
  if (!rescue) {
    await disks.remove(path);
    return null;
  }
  if (made.rescueImage === rescue.image.sha256 && (await isThere(path))) return made.rescueImage;
  const base = await images.ensure(rescue.image);
  const scratch = `${path}.new`;
  await disks.remove(scratch);
  await disks.create(scratch, { sizeBytes: rescue.image.virtualSizeBytes, base });
  await disks.finish(scratch, path);
  return rescue.image.sha256;
}

async function ensureConfigDrive({ disks, user, spec, made, path }: { disks: Disks; user: { gid: number }; spec: ServerSpec; made: MadeFiles; path: string }): Promise<string | null> {
  if (!spec.configDrive) {
    await disks.remove(path);
    return null;
  }
  const digest = createHash('sha256').update(JSON.stringify(spec.metadata)).digest('hex');
  if (made.configDrive === digest && (await isThere(path))) return digest;
  await writeConfigDrive(path, spec.metadata);
  // QEMU reads it and may not write it.
  await chown(path, 0, user.gid);
  return digest;
}
