/** Fetches a known image and brings it into the cloud, if it is what its maker says. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Client } from '../contract/client.ts';
import type { image } from '../contract/image/service.ts';
import { Failure } from './failure.ts';
import type { KnownImage } from './known-images.ts';

export type Adding = {
  images: Client<typeof image>;
  /** Asks its maker's server. */
  fetch: typeof fetch;
  known: KnownImage;
  /** Another server that has the same files. */
  from?: string | undefined;
  name: string;
  visibility: 'public' | 'private' | 'shared' | 'community';
  progress?: (bytes: number, of: number | undefined) => void;
};

const mostSumsBytes = 2 ** 20;
const sumsWithinMs = 30_000;

/** The id of the image. Without one: nothing of it is left. */
export async function addImage({ images, fetch: send, known, from, name, visibility, progress }: Adding): Promise<string> {
  const base = folderOf(from ?? known.from);
  const expected = await publishedSum(send, base, known);
  const { id } = (
    await images.images.create({
      body: { name, disk_format: known.diskFormat, container_format: 'bare', visibility, min_disk: known.minDiskGiB, min_ram: known.minRamMiB, ...known.properties },
    })
  ).body;
  const params = { image_id: id ?? '' };
  try {
    const hash = createHash(known.algorithm);
    const reply = await send(new URL(known.file, base));
    if (!reply.ok || !reply.body) throw unreachable(new URL(known.file, base), reply.status);
    const length = reply.headers.get('content-length');
    const total = length === null ? undefined : Number(length);
    const bytes = reply.body as AsyncIterable<Uint8Array>;
    await images.imageData.upload({ params, body: Readable.from(checked(bytes, { hash, expected, file: known.file, seen: (count) => progress?.(count, total) }), { objectMode: false }) as never });
  } catch (error) {
    await images.images.delete({ params });
    throw error;
  }
  return params.image_id;
}

type Checking = { hash: ReturnType<typeof createHash>; expected: string; file: string; seen: (bytes: number) => void };

/** The last bytes are held back until the sum of all is right: the cloud never has the whole of something else. */
async function* checked(bytes: AsyncIterable<Uint8Array>, { hash, expected, file, seen }: Checking): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | undefined;
  let count = 0;
  for await (const chunk of bytes) {
    hash.update(chunk);
    count += chunk.length;
    seen(count);
    if (held) yield held;
    held = chunk;
  }
  const sum = hash.digest('hex');
  if (sum !== expected) throw new Failure(`${file} is not what its maker says: its sum is ${sum}, and not ${expected}`, 'Try again later: the files may just be changing. If it stays, somebody changes them on their way.');
  if (held) yield held;
}

/** From a file as sha512sum writes it, or as BSD's tools do: `SHA256 (name) = …`. */
export function sumIn(text: string, file: string): string | undefined {
  for (const line of text.split('\n')) {
    const [, sum, name] = /^([0-9a-f]{32,128})(?:\s+\*?(\S+))?\s*$/i.exec(line) ?? [];
    if (sum !== undefined && (name === undefined || name.replace(/^.*\//, '') === file)) return sum.toLowerCase();
    const [, bsdName, bsdSum] = /^\w+ \(([^)]+)\) = ([0-9a-f]{32,128})\s*$/i.exec(line) ?? [];
    if (bsdSum !== undefined && bsdName === file) return bsdSum.toLowerCase();
  }
  return undefined;
}

const digits = { md5: 32, sha256: 64, sha512: 128 } as const;

async function publishedSum(send: typeof fetch, base: URL, { file, sums, algorithm }: KnownImage): Promise<string> {
  const address = new URL(sums.replace('{file}', file), base);
  const reply = await send(address, { signal: AbortSignal.timeout(sumsWithinMs) });
  if (!reply.ok) throw unreachable(address, reply.status);
  const text = await reply.text();
  const sum = text.length > mostSumsBytes ? undefined : sumIn(text, file);
  if (sum?.length !== digits[algorithm]) throw new Failure(`${address.href} says nothing of ${file}`, 'Name another server: --from');
  return sum;
}

function folderOf(address: string): URL {
  if (!URL.canParse(address) || !/^https?:/.test(address)) throw new Failure(`${address} is no address of a server`, 'Name a folder: --from https://…/');
  return new URL(address.endsWith('/') ? address : `${address}/`);
}

function unreachable(address: URL, status: number): Failure {
  return new Failure(`${address.href} answers with ${status}`, 'Name another server that has it: --from');
}
