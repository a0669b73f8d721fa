/** Disk images on this host, all qcow2, made and read by qemu-img. No format is ever guessed: a guest could have written it. */
import { randomUUID } from 'node:crypto';
import { chown, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { DriverError } from '../driver.ts';
import { run } from './command.ts';
import { type EngineLayout, guestView } from './engine-layout.ts';

export type DiskFormat = 'raw' | 'qcow2';

export type Disks = {
  /** The folder that guests' QEMU processes see as `guestView`. */
  readonly folder: string;
  /** An empty disk, or one over a read-only base in the folder. */
  create(path: string, options: { sizeBytes: number; base?: { path: string; format: DiskFormat } }): Promise<void>;
  /** A disk of its own with what the source holds, at least as large. The source is not to be written meanwhile. */
  copy(source: { path: string; format: DiskFormat }, path: string, options?: { sizeBytes?: number }): Promise<void>;
  resize(path: string, sizeBytes: number): Promise<void>;
  /** Also of a disk in use. */
  virtualSizeBytes(path: string, format: DiskFormat): Promise<number>;
  remove(path: string): Promise<void>;
  /** A name in the folder for something unfinished. */
  scratchPath(): string;
  /** The same file as QEMU sees it. */
  seenByGuest(path: string): string;
  /** Puts what is finished in its place. */
  finish(scratch: string, path: string): Promise<void>;
};

/** `user` is QEMU's: what it is to write belongs to it, and what guests have written is read as it and not as root. */
export async function openDisks({ layout, user }: { layout: EngineLayout; user: { uid: number; gid: number } }): Promise<Disks> {
  const folder = layout.computeDirectory;
  const scratch = join(folder, 'scratch');
  // What was unfinished when the agent ended is begun anew.
  await rm(scratch, { recursive: true, force: true });
  for (const name of ['images', 'servers', 'volumes', 'snapshots', 'scratch']) {
    await mkdir(join(folder, name), { recursive: true, mode: 0o710 });
    await chown(join(folder, name), 0, user.gid);
  }

  // QEMU makes its sockets itself.
  await mkdir(join(folder, 'vnc'), { recursive: true, mode: 0o700 });
  await chown(join(folder, 'vnc'), user.uid, user.gid);

  const inside = (path: string) => {
    if (!path.startsWith(`${folder}/`)) throw new DriverError('invalid', `${path} is not a disk of this cloud`);
    return guestView + path.slice(folder.length);
  };

  /**
   * qemu-img on what guests have written, confined: as QEMU's user, seeing of the state folder only the disks, with no network, bounded
   * in memory, processor time and open files.
   */
  const confined = (args: string[], timeoutMs: number) =>
    run(
      'unshare',
      [
        '--mount', '--net', '--propagation', 'private', '/bin/sh', '-ec', 'mount --bind "$1" "$2"; shift 2; exec "$@"', 'qemu-img', folder, guestView,
        'prlimit', `--as=${2 * 2 ** 30}`, `--cpu=${Math.ceil(timeoutMs / 1000)}`, '--nofile=64', '--core=0',
        'setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--no-new-privs', '--bounding-set=-all',
        'qemu-img', ...args,
      ],
      { timeoutMs },
    );

  const disks: Disks = {
    folder,
    async create(path, { sizeBytes, base }) {
      // The base is named from where the disk is, so that the chain holds wherever the folder is mounted.
      const backing = base ? ['-b', relative(dirname(path), base.path), '-F', base.format] : [];
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', ...backing, path, String(sizeBytes)]);
      await chown(path, user.uid, user.gid);
    },
    async copy(source, path, { sizeBytes = 0 } = {}) {
      const size = await disks.virtualSizeBytes(source.path, source.format);
      await disks.create(path, { sizeBytes: Math.max(size, sizeBytes) });
      await confined(['convert', '-n', '--target-is-zero', '-f', source.format, '-O', 'qcow2', inside(source.path), inside(path)], 30 * 60_000);
    },
    async resize(path, sizeBytes) {
      await confined(['resize', '-q', '-f', 'qcow2', inside(path), String(sizeBytes)], 60_000);
    },
    async virtualSizeBytes(path, format) {
      const info = JSON.parse(await confined(['info', '--force-share', '-f', format, '--output=json', inside(path)], 30_000)) as { 'virtual-size': number };
      return info['virtual-size'];
    },
    remove: (path) => rm(path, { force: true }),
    scratchPath: () => join(scratch, randomUUID()),
    seenByGuest: inside,
    finish: (from, path) => rename(from, path),
  };
  return disks;
}
