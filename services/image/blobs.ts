/** Images' bytes in one folder: `<sha256>` for each, and `incoming/` for those that nobody has vouched for. */
import { chmod, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DriverError, type BlobStore } from '../../drivers/driver.ts';

export type ImageBlobs = BlobStore & {
  /** Gives an incoming file the name of its hash; it stays in the incoming folder too. Twice is once. */
  keep(upload: string, sha256: string): Promise<void>;
  /** Takes a file out of the incoming folder, if it is there. */
  discard(upload: string): Promise<void>;
  /** Makes bytes unreachable; they can still come back with `restore`. Undefined when they are not there. */
  setAside(sha256: string): Promise<{ restore(): Promise<void>; destroy(): Promise<void> } | undefined>;
  /** A store of its own in this one's folder: for bytes that are no images, and that are not collected like them. */
  area(name: string): Promise<ImageBlobs>;
  /** Every hash that is in the store. */
  list(): Promise<string[]>;
  /** Files that have waited in the incoming folder since before this moment. */
  incomingBefore(moment: Date): Promise<string[]>;
};

/** Makes the folders; what a crash left set aside comes back, since nothing was decided about it. */
export async function fileBlobStore(directory: string): Promise<ImageBlobs> {
  const incoming = join(directory, 'incoming');
  const aside = join(directory, 'aside');
  for (const folder of [directory, incoming, aside]) await mkdir(folder, { recursive: true, mode: 0o755 });
  const stored = (sha256: string) => join(directory, named(sha256));
  const areas = new Map<string, Promise<ImageBlobs>>();
  for (const name of await readdir(aside)) await rename(join(aside, name), stored(name));

  return {
    async path(sha256) {
      if (!(await sizeOf(stored(sha256)))) throw new DriverError('missing', `There are no bytes ${sha256}`);
      return stored(sha256);
    },
    incomingPath: (upload) => join(incoming, plain(upload)),
    async keep(upload, sha256) {
      if (await sizeOf(stored(sha256))) return;
      const from = join(incoming, plain(upload));
      await chmod(from, 0o444);
      try {
        await link(from, stored(sha256));
      } catch (cause) {
        // Somebody else brought the same bytes at the same time.
        if (!isCode(cause, 'EEXIST')) throw cause;
      }
      await syncFolder(directory);
    },
    discard: (upload) => rm(join(incoming, plain(upload)), { force: true }),
    async setAside(sha256) {
      const [from, to] = [stored(sha256), join(aside, sha256)];
      if (!(await sizeOf(from))) return undefined;
      await rename(from, to);
      return { restore: () => rename(to, from), destroy: () => rm(to, { force: true }) };
    },
    async area(name) {
      const opened = areas.get(name) ?? fileBlobStore(join(directory, plain(name)));
      areas.set(name, opened);
      return opened;
    },
    list: async () => (await readdir(directory)).filter((name) => hash.test(name)),
    async incomingBefore(moment) {
      const names = await readdir(incoming);
      const ages = await Promise.all(names.map(async (name) => ({ name, at: await changedAt(join(incoming, name)) })));
      return ages.filter(({ at }) => at !== undefined && at < moment).map(({ name }) => name);
    },
  };
}

const hash = /^[0-9a-f]{64}$/;

function named(sha256: string): string {
  if (!hash.test(sha256)) throw new DriverError('invalid', `${sha256} does not name bytes`);
  return sha256;
}

/** A name and never a path, whoever made it. */
function plain(upload: string): string {
  if (!/^[\w-]{1,100}$/.test(upload)) throw new DriverError('invalid', `${upload} does not name an upload`);
  return upload;
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await found(path))?.size;
}

async function changedAt(path: string): Promise<Date | undefined> {
  return (await found(path))?.mtime;
}

async function found(path: string) {
  try {
    return await stat(path);
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return undefined;
    throw cause;
  }
}

/** A name that is in the database must still be in the folder after a power cut. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}

function isCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === code;
}
