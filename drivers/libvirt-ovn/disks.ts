/** Disk images on this host, made and read by qemu-img. No format is ever guessed: a guest could have written it. */
import { randomUUID } from 'node:crypto';
import { chown, constants, copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { DriverError } from '../driver.ts';
import { run } from './command.ts';
import { secretArguments, secretName, withInput, type Lock } from './disk-secrets.ts';
import { type EngineLayout, guestView } from './engine-layout.ts';

export type DiskFormat = 'raw' | 'qcow2';

/** `lock`: what is in it is ciphertext. */
export type Disk = { path: string; format: DiskFormat; lock?: Lock | undefined };

export type Disks = {
  /** The folder that guests' QEMU processes see as `guestView`. */
  readonly folder: string;
  /** An empty disk, or one over a read-only base in the folder. */
  create(path: string, options: { sizeBytes: number; base?: { path: string; format: DiskFormat }; format?: DiskFormat; lock?: Lock | undefined }): Promise<void>;
  /** A disk of its own with what the source holds, at least as large. The source is not to be written meanwhile. */
  copy(source: Disk, path: string, options?: { sizeBytes?: number; format?: DiskFormat; lock?: Lock | undefined }): Promise<void>;
  /** The same file again, whatever is in it. */
  duplicate(from: string, to: string): Promise<void>;
  resize(disk: Disk, sizeBytes: number): Promise<void>;
  /** Also of a disk in use. */
  virtualSizeBytes(path: string, format: DiskFormat): Promise<number>;
  /** Whether what is in it is ciphertext, by its own header: of what is ours and no guest has written. */
  isLocked(path: string, format: DiskFormat): Promise<boolean>;
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
  const confined = ([command = '', ...args]: string[], timeoutMs: number, keys: readonly string[] = []) => {
    const secret = keys.length === 0 ? undefined : secretArguments(keys);
    const program = secret === undefined ? ['qemu-img', command, ...args] : withInput('qemu-img', [command, ...secret.args, ...args]);
    return run(
      'unshare',
      [
        '--mount', '--net', '--propagation', 'private', '/bin/sh', '-ec', 'mount --bind "$1" "$2"; shift 2; exec "$@"', 'qemu-img', folder, guestView,
        'prlimit', `--as=${2 * 2 ** 30}`, `--cpu=${Math.ceil(timeoutMs / 1000)}`, '--nofile=64', '--core=0',
        'setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--no-new-privs', '--bounding-set=-all',
        ...program,
      ],
      { timeoutMs, ...(secret === undefined ? {} : { input: secret.input }) },
    );
  };

  const describe = async (path: string, format: DiskFormat) =>
    JSON.parse(await confined(['info', '--force-share', '-f', format, '--output=json', inside(path)], 30_000)) as { 'virtual-size': number; encrypted?: boolean };

  const disks: Disks = {
    folder,
    async create(path, { sizeBytes, base, format = 'qcow2', lock }) {
      // The base is named from where the disk is, so that the chain holds wherever the folder is mounted.
      const backing = base ? ['-b', relative(dirname(path), base.path), '-F', base.format] : [];
      const what = [...backing, path, String(sizeBytes)];
      if (lock === undefined) await run('qemu-img', ['create', '-q', '-f', format, ...what]);
      else await createLocked(lock, ['-f', format, ...what]);
      await chown(path, user.uid, user.gid);
    },
    async copy(source, path, { sizeBytes = 0, format = 'qcow2', lock } = {}) {
      const size = await disks.virtualSizeBytes(source.path, source.format);
      await disks.create(path, { sizeBytes: Math.max(size, sizeBytes), format, lock });
      const keys = [source.lock, lock].flatMap((each) => each?.key ?? []);
      const target = opened({ path: inside(path), format, lock }, keys.length - 1);
      await confined(['convert', '-n', '--target-is-zero', '--image-opts', opened({ ...source, path: inside(source.path) }, 0), '--target-image-opts', target], 30 * 60_000, keys);
    },
    async duplicate(from, to) {
      await copyFile(from, to, constants.COPYFILE_FICLONE).catch((cause: NodeJS.ErrnoException) => {
        throw new DriverError(cause.code === 'ENOSPC' ? 'exhausted' : 'failed', 'Cannot copy a disk', { cause });
      });
    },
    async resize({ path, format, lock }, sizeBytes) {
      await confined(['resize', '-q', '--image-opts', opened({ path: inside(path), format, lock }, 0), String(sizeBytes)], 60_000, lock === undefined ? [] : [lock.key]);
    },
    async virtualSizeBytes(path, format) {
      return (await describe(path, format))['virtual-size'];
    },
    isLocked: async (path, format) => (await describe(path, format)).encrypted === true,
    remove: (path) => rm(path, { force: true }),
    scratchPath: () => join(scratch, randomUUID()),
    seenByGuest: inside,
    finish: (from, path) => rename(from, path),
  };
  return disks;
}

/** How QEMU is told of a disk, when the n-th key opens it. A comma ends an option. */
function opened({ path, format, lock }: Disk, index: number): string {
  return `driver=${format},file.driver=file,file.filename=${path.replaceAll(',', ',,')}${lock === undefined ? '' : `,encrypt.key-secret=${secretName(index)}`}`;
}

async function createLocked(lock: Lock, what: readonly string[]): Promise<void> {
  const { args, input } = secretArguments([lock.key]);
  const [shell = '', ...rest] = withInput('qemu-img', ['create', '-q', ...args, '-o', lockOptions(lock), ...what]);
  for (let attempt = 1; ; attempt++) {
    try {
      return void (await run(shell, rest, { input, timeoutMs: 60_000 }));
    } catch (error) {
      // It measures how quick the processor is, and gives up when the clock of processor time does not tick meanwhile: crypto/pbkdf.c, qcrypto_pbkdf2_count_iters
      if (!(error instanceof DriverError && error.message.includes('accurate CPU usage')) || attempt === mostAttempts) throw error;
    }
  }
}

const mostAttempts = 30;

/** Keys are random: nothing is won by making it slow to try one. */
function lockOptions({ cipher }: Lock): string {
  return `encrypt.format=luks,encrypt.key-secret=${secretName(0)},encrypt.cipher-alg=${cipher === 'aes-256-xts' ? 'aes-256' : 'aes-128'},encrypt.cipher-mode=xts,encrypt.ivgen-alg=plain64,encrypt.hash-alg=sha512,encrypt.iter-time=10`;
}
