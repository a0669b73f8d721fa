/** The small guest image that this repository brings: made once for each recipe and each release of its packages, and kept. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type GuestImage = { path: string; name: string; sizeBytes: number };

const here = fileURLToPath(new URL('.', import.meta.url));

/** A qcow2 image of about 23 MB, for login as `cirros` with the password `gocubsgo`. The first time takes about ten seconds besides the download. */
export async function buildGuestImage({ cacheDir, onProgress }: { cacheDir: string; onProgress: (line: string) => void }): Promise<GuestImage> {
  const folder = join(cacheDir, 'guest');
  await mkdir(folder, { recursive: true });
  const path = join(folder, `guest-${await recipeDigest()}.qcow2`);
  const made = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (made) return { path, name: 'intercloud-guest', sizeBytes: made.size };
  const unfinished = `${path}.${process.pid}`;
  try {
    await build(folder, unfinished, onProgress);
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
  return { path, name: 'intercloud-guest', sizeBytes: (await stat(path)).size };
}

/** Of everything in this folder that the image is made of. */
async function recipeDigest(): Promise<string> {
  const digest = createHash('sha256');
  const files = await readdir(here, { recursive: true, withFileTypes: true });
  const paths = files.filter((entry) => entry.isFile() && !entry.name.endsWith('.ts')).map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.toSorted()) {
    const { mode } = await stat(path);
    digest.update(`${path.slice(here.length)} ${mode & 0o100 ? 'x' : '-'}\n`).update(await readFile(path));
  }
  return digest.digest('hex').slice(0, 16);
}

async function build(folder: string, out: string, onProgress: (line: string) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  const child = spawn('bash', [join(here, 'build.sh'), folder, out], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 15 * 60_000 });
  const complaints: string[] = [];
  createInterface({ input: child.stdout }).on('line', onProgress);
  createInterface({ input: child.stderr }).on('line', (line) => {
    complaints.push(line);
    if (complaints.length > 20) complaints.shift();
  });
  child.on('error', reject);
  child.on('close', resolve);
  if ((await promise) !== 0) throw new Error(`The guest image cannot be made:\n${complaints.join('\n')}`);
}
