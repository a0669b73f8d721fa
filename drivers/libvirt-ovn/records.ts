/** What was last asked for each resource, on disk: the newest generation seen outlives the agent, and so does a removal. */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DriverError } from '../driver.ts';

export type Records<T> = {
  /** Remembers the generation as the newest seen of it, or refuses it as `stale`. */
  accept(id: string, generation: number): Promise<void>;
  /** What is known of it; undefined when it never was made, or was removed. */
  find(id: string): Promise<T | undefined>;
  list(): Promise<{ id: string; content: T }[]>;
  save(id: string, content: T): Promise<void>;
  /** Keeps only the generation, so that a late wish does not bring it back. */
  remove(id: string): Promise<void>;
};

type Stored<T> = { id: string; generation: number; content: T | null };

const oldRemovalMs = 7 * 24 * 3600 * 1000;

/** Forgets removals after a week: no wish is on its way for longer. */
export async function openRecords<T>(folder: string): Promise<Records<T>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const pathOf = (id: string) => join(folder, `${requireId(id)}.json`);

  async function read(path: string): Promise<Stored<T> | undefined> {
    try {
      return JSON.parse(await readFile(path, 'utf8')) as Stored<T>;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async function all(): Promise<Stored<T>[]> {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
    return (await Promise.all(names.map((name) => read(join(folder, name))))).filter((stored) => stored !== undefined);
  }

  const write = (stored: Stored<T>) => writeAtomically(pathOf(stored.id), JSON.stringify(stored));
  for (const { id, content } of await all())
    if (content === null && Date.now() - (await stat(pathOf(id))).mtimeMs > oldRemovalMs) await rm(pathOf(id), { force: true });

  return {
    async accept(id, generation) {
      const stored = await read(pathOf(id));
      if (stored && generation < stored.generation) throw new DriverError('stale', `Generation ${stored.generation} of ${id} has been seen, which is newer than ${generation}`);
      if (stored?.generation !== generation) await write({ id, generation, content: stored?.content ?? null });
    },
    find: async (id) => (await read(pathOf(id)))?.content ?? undefined,
    list: async () => (await all()).flatMap(({ id, content }) => (content === null ? [] : [{ id, content }])),
    save: async (id, content) => write({ id, generation: (await read(pathOf(id)))?.generation ?? 0, content }),
    remove: async (id) => write({ id, generation: (await read(pathOf(id)))?.generation ?? 0, content: null }),
  };
}

/** After a crash the file holds either what it held or all of the new text. Only root reads it. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const unfinished = `${path}.new`;
  const file = await open(unfinished, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
}

/** Ids become names of files: nothing else may. */
export function requireId(id: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw new DriverError('invalid', `${JSON.stringify(id)} is no id`);
  return id;
}
