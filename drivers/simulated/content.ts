/** What is on a disk: vetted bytes, and what was written over them since. Copying a disk copies this, not the bytes. */
import { copyFile, link, mkdir, rename, rm, stat } from 'node:fs/promises';
import { constants } from 'node:fs';
import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto';
import { join } from 'node:path';
import { DriverError, type BlobStore, type CapturedImage, type DiskKeys, type VettedImage } from '../driver.ts';
import { readDisk, writeQcow2, type Chunk, type DiskFormat } from '../../kit/qcow2.ts';

export type Content = {
  base: { sha256: string; format: DiskFormat; virtualSizeBytes: number } | null;
  writes: { offset: number; base64: string }[];
};

export const EMPTY: Content = { base: null, writes: [] };

export function contentOf({ sha256, format, virtualSizeBytes }: VettedImage): Content {
  return { base: { sha256, format, virtualSizeBytes }, writes: [] };
}

/** As it lies on the disk. Of a locked one it says which image is below it, since the image's bytes are kept for all, and nothing of what was written. */
type Stored = Content | { base: Content['base']; locked: string };

export function isLocked(stored: string): boolean {
  return 'locked' in (JSON.parse(stored) as Stored);
}

/** `invalid` without a key, `failed` with another one. */
export function openContent(stored: string, id: string, keys: DiskKeys = {}): Content {
  const content = JSON.parse(stored) as Stored;
  if (!('locked' in content)) return content;
  const bytes = Buffer.from(content.locked, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', cipherKey(id, keys), bytes.subarray(0, ivBytes)).setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
  try {
    return { base: content.base, writes: JSON.parse(Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]).toString()) as Content['writes'] };
  } catch (cause) {
    throw new DriverError('failed', `The disk ${id} is not locked by this key`, { cause });
  }
}

export function storeContent(content: Content, id: string, { locked, keys = {} }: { locked: boolean; keys?: DiskKeys | undefined }): string {
  if (!locked) return JSON.stringify(content);
  const [key, plain] = [cipherKey(id, keys), JSON.stringify(content.writes)];
  // Another one for other bytes, and found without chance: a run can be replayed.
  const iv = createHmac('sha256', key).update(plain).digest().subarray(0, ivBytes);
  const encrypt = createCipheriv('aes-256-gcm', key, iv);
  const text = Buffer.concat([encrypt.update(plain), encrypt.final()]);
  return JSON.stringify({ base: content.base, locked: Buffer.concat([iv, encrypt.getAuthTag(), text]).toString('base64') } satisfies Stored);
}

const [ivBytes, tagBytes] = [12, 16];

function cipherKey(id: string, keys: DiskKeys): Buffer {
  const key = keys[id];
  if (key === undefined) throw new DriverError('invalid', `The disk ${id} is locked, and there is no key for it`);
  return createHash('sha256').update(key).digest();
}

export type Images = {
  /** Has the bytes here, whatever becomes of the blob store's. */
  keep(image: VettedImage): Promise<void>;
  drop(sha256: string): Promise<void>;
  /** Writes the content, as large as the disk is, to the incoming folder. */
  capture(content: Content, diskBytes: number, upload: string): Promise<CapturedImage>;
  /** The same, locked by the key of this id, with the bytes of the image below it. */
  captureLocked(content: Content, id: string, keys: DiskKeys | undefined, diskBytes: number, upload: string): Promise<CapturedImage>;
  /** What `captureLocked` has written, of an image that is kept. */
  openLocked(image: VettedImage, id: string, keys: DiskKeys | undefined): Promise<Content>;
};

export function openImages({ folder, blobs }: { folder: string; blobs: BlobStore }): Images {
  const kept = new Set<string>();
  const pathOf = (sha256: string) => join(folder, sha256);

  return {
    async keep({ sha256 }) {
      if (kept.has(sha256)) return;
      if (!/^[0-9a-f]{64}$/.test(sha256)) throw new DriverError('invalid', `${sha256} does not name bytes`);
      await mkdir(folder, { recursive: true });
      if (!(await exists(pathOf(sha256)))) await place(await blobs.path(sha256), pathOf(sha256));
      kept.add(sha256);
    },

    async drop(sha256) {
      kept.delete(sha256);
      await rm(pathOf(sha256), { force: true });
    },

    async capture({ base, writes }, diskBytes, upload) {
      const path = blobs.incomingPath(upload);
      const sizeBytes =
        base?.format === 'qcow2' && base.virtualSizeBytes === diskBytes && writes.length === 0
          ? await copy(pathOf(base.sha256), path)
          : await writeQcow2(path, diskBytes, chunksOf(base && { ...base, path: pathOf(base.sha256) }, writes));
      return { upload, format: 'qcow2', sizeBytes };
    },

    async captureLocked({ base, writes }, id, keys, diskBytes, upload) {
      const chunks = await Array.fromAsync(chunksOf(base && { ...base, path: pathOf(base.sha256) }, writes), ({ offset, bytes }) => ({ offset, base64: bytes.toString('base64') }));
      const bytes = Buffer.from(storeContent({ base: null, writes: chunks }, id, { locked: true, keys }));
      return { upload, format: 'qcow2', sizeBytes: await writeQcow2(blobs.incomingPath(upload), diskBytes, [{ offset: 0, bytes }], { locked: true }) };
    },

    async openLocked({ sha256, format }, id, keys) {
      const parts = await Array.fromAsync(readDisk(pathOf(sha256), format, { locked: true }), ({ bytes }) => bytes);
      return openContent(Buffer.concat(parts).toString().replace(/\0+$/, ''), id, keys);
    },
  };
}

async function* chunksOf(base: { path: string; format: DiskFormat } | null, writes: Content['writes']): AsyncGenerator<Chunk> {
  if (base) yield* readDisk(base.path, base.format);
  for (const { offset, base64 } of writes) yield { offset, bytes: Buffer.from(base64, 'base64') };
}

// A hard link costs nothing, and a blob never changes once it has its name.
async function place(from: string, to: string): Promise<void> {
  const partial = `${to}.partial`;
  await rm(partial, { force: true });
  try {
    await link(from, partial);
  } catch (cause) {
    // On another file system, or not ours to link to.
    if (!isCode(cause, 'EXDEV', 'EPERM', 'EMLINK')) throw cause;
    await copyFile(from, partial, constants.COPYFILE_FICLONE);
  }
  await rename(partial, to);
}

async function copy(from: string, to: string): Promise<number> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  return (await stat(to)).size;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return false;
    throw cause;
  }
}

function isCode(cause: unknown, ...codes: string[]): boolean {
  return cause instanceof Error && 'code' in cause && codes.includes(String(cause.code));
}
