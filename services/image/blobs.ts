/** Images' bytes in one folder: `<sha256>` for each, and `incoming/` for those that nobody has vouched for. */
import { constants } from 'node:fs';
import { chmod, copyFile, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DriverError, type BlobStore } from '../../drivers/driver.ts';
import { defaultStore, imageSettings, readImageSettings, type ImageSettings } from './settings.ts';

export type ImageBlobs = BlobStore & {
  readonly settings: ImageSettings;
  /** Whatever has a folder, the default one first. */
  readonly stores: readonly FileStore[];
  /** Gives an incoming file the name of its hash; it stays in the incoming folder too. Twice is once. */
  keep(upload: string, sha256: string, store?: string): Promise<void>;
  /** Brings bytes from where they are into this store, or into the cache. Twice is once. */
  copy(sha256: string, to: string): Promise<void>;
  /** Puts a copy of bytes into the incoming folder. Twice is once. */
  unkeep(sha256: string, upload: string): Promise<void>;
  /** The size of these bytes there; undefined when they are not there. */
  sizeIn(store: string, sha256: string): Promise<number | undefined>;
  /** Takes a file out of the incoming folder, if it is there. */
  discard(upload: string): Promise<void>;
  /** Makes bytes unreachable; they can still come back with `restore`. Undefined when they are not there. */
  setAside(sha256: string, store?: string): Promise<{ restore(): Promise<void>; destroy(): Promise<void> } | undefined>;
  /** A store of its own in this one's folder: for bytes that are no images, and that are not collected like them. */
  area(name: string): Promise<ImageBlobs>;
  /** Every hash that is in the store. */
  list(store?: string): Promise<string[]>;
  /** Files that have waited in the incoming folder since before this moment. */
  incomingBefore(moment: Date): Promise<string[]>;
};

export type FileStore = { id: string; folder: string; description?: string | undefined; weight: number };

/** Copies of what is in slower stores. Not a store: nobody's bytes are there alone. */
export const cache = 'cached';

/** Makes the folders; what a crash left set aside comes back, since nothing was decided about it. */
export async function fileBlobStore(directory: string, settings: ImageSettings = readImageSettings(join(directory, 'settings.json'))): Promise<ImageBlobs> {
  const incoming = join(directory, 'incoming');
  const stores: FileStore[] = [{ id: defaultStore, folder: directory, weight: 0 }, ...settings.stores.map((store) => ({ weight: 0, ...store }))];
  const folders = new Map([...stores.map(({ id, folder }) => [id, folder] as const), [cache, join(directory, cache)]]);
  const folderOf = (store: string) => {
    const folder = folders.get(store);
    if (folder === undefined) throw new DriverError('invalid', `There is no store ${store}`);
    return folder;
  };
  const stored = (sha256: string, store: string) => join(folderOf(store), named(sha256));
  // What is near is read first, then what the operator likes best.
  const readingOrder = [cache, defaultStore, ...stores.slice(1).toSorted((one, other) => other.weight - one.weight).map(({ id }) => id)];
  // Others are made when something is brought there: by whoever may write, not by the host's agent, which only reads.
  for (const folder of [incoming, join(directory, 'aside')]) await mkdir(folder, { recursive: true, mode: 0o755 });
  for (const folder of folders.values()) for (const name of await hashesIn(join(folder, 'aside'))) await rename(join(folder, 'aside', name), join(folder, name));
  const areas = new Map<string, Promise<ImageBlobs>>();

  /** Undefined: nowhere. */
  async function find(sha256: string): Promise<string | undefined> {
    for (const store of readingOrder) if ((await sizeOf(stored(sha256, store))) !== undefined) return stored(sha256, store);
    return undefined;
  }

  async function copy(sha256: string, to: string): Promise<void> {
    const target = stored(sha256, to);
    if ((await sizeOf(target)) !== undefined) return;
    const from = await find(sha256);
    if (from === undefined) throw new DriverError('missing', `There are no bytes ${sha256}`);
    await bring(from, target, join(folderOf(to), 'aside', `.${sha256}.${process.pid}`));
    await synced(folderOf(to));
  }

  return {
    settings,
    stores,
    async path(sha256) {
      const path = await find(sha256);
      if (path === undefined) throw new DriverError('missing', `There are no bytes ${sha256}`);
      return path;
    },
    incomingPath: (upload) => join(incoming, plain(upload)),
    async keep(upload, sha256, store = defaultStore) {
      const target = stored(sha256, store);
      if ((await sizeOf(target)) !== undefined) return;
      const from = join(incoming, plain(upload));
      await chmod(from, 0o444);
      await mkdir(folderOf(store), { recursive: true, mode: 0o755 });
      try {
        await link(from, target);
      } catch (cause) {
        if (isCode(cause, 'EXDEV')) await bring(from, target, join(folderOf(store), 'aside', `.${plain(upload)}`));
        // Somebody else brought the same bytes at the same time.
        else if (!isCode(cause, 'EEXIST')) throw cause;
      }
      await synced(folderOf(store));
    },
    copy,
    async unkeep(sha256, upload) {
      const from = await find(sha256);
      if (from === undefined) throw new DriverError('missing', `There are no bytes ${sha256}`);
      await bring(from, join(incoming, plain(upload)), join(directory, 'aside', `.${plain(upload)}`));
    },
    sizeIn: (store, sha256) => sizeOf(stored(sha256, store)),
    discard: (upload) => rm(join(incoming, plain(upload)), { force: true }),
    async setAside(sha256, store = defaultStore) {
      const [from, to] = [stored(sha256, store), join(folderOf(store), 'aside', sha256)];
      if ((await sizeOf(from)) === undefined) return undefined;
      await mkdir(dirname(to), { recursive: true, mode: 0o755 });
      await rename(from, to);
      return { restore: () => rename(to, from), destroy: () => rm(to, { force: true }) };
    },
    async area(name) {
      const opened = areas.get(name) ?? fileBlobStore(join(directory, plain(name)), imageSettings());
      areas.set(name, opened);
      return opened;
    },
    list: (store = defaultStore) => hashesIn(folderOf(store)),
    async incomingBefore(moment) {
      const names = await readdir(incoming);
      const ages = await Promise.all(names.map(async (name) => ({ name, at: await changedAt(join(incoming, name)) })));
      return ages.filter(({ at }) => at !== undefined && at < moment).map(({ name }) => name);
    },
  };
}

/** A copy of its own, which gets its name when it is whole: another process may look. */
async function bring(from: string, target: string, partial: string): Promise<void> {
  await mkdir(dirname(partial), { recursive: true, mode: 0o755 });
  try {
    await copyFile(from, partial, constants.COPYFILE_FICLONE);
    await synced(partial);
    await chmod(partial, 0o444);
    await rename(partial, target);
  } finally {
    await rm(partial, { force: true });
  }
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

async function hashesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => hash.test(name));
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return [];
    throw cause;
  }
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
async function synced(path: string): Promise<void> {
  await using opened = await open(path, 'r');
  await opened.sync();
}

function isCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === code;
}
