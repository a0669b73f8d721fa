/**
 * Disks as files: reads raw and qcow2, writes qcow2.
 *
 * qemu/docs/interop/qcow2.rst. What the image intake refuses (backing files, external data, encryption,
 * extended L2 entries) is refused here too: a disk is read only from vetted bytes.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';

export type DiskFormat = 'raw' | 'qcow2';
export type Chunk = { offset: number; bytes: Buffer };

const MAGIC = 0x51_46_49_fb;
const CLUSTER_BITS = 16;
const CLUSTER = 1 << CLUSTER_BITS;
const L2_ENTRIES = CLUSTER / 8;
const REFCOUNTS_PER_BLOCK = CLUSTER / 2;
const OFFSET_MASK = 0x00ff_ffff_ffff_fe00n;
const COPIED = 1n << 63n;
const COMPRESSED = 1n << 62n;
const ZERO = 1n;
const HEADER_LENGTH = 104;
/** crypt_method */
const LUKS = 2;

/** What the guest sees that is not zero, from low to high offsets. */
export async function* readDisk(path: string, format: DiskFormat, { locked = false }: { /** What the guest sees is locked: it is read as it lies there. */ locked?: boolean } = {}): AsyncGenerator<Chunk> {
  await using file = await open(path, 'r');
  yield* format === 'raw' ? readRaw(file) : readQcow2(file, locked);
}

/** How large the disk is that the guest sees. */
export async function diskSize(path: string, format: DiskFormat): Promise<number> {
  await using file = await open(path, 'r');
  if (format === 'raw') return (await file.stat()).size;
  const header = await readAt(file, 0, HEADER_LENGTH);
  if (header.readUInt32BE(0) !== MAGIC) throw new Error('This is not a qcow2 file');
  return Number(header.readBigUInt64BE(24));
}

async function* readRaw(file: FileHandle): AsyncGenerator<Chunk> {
  const { size } = await file.stat();
  for (let offset = 0; offset < size; offset += CLUSTER) {
    const bytes = await readAt(file, offset, Math.min(CLUSTER, size - offset));
    if (!isZero(bytes)) yield { offset, bytes };
  }
}

async function* readQcow2(file: FileHandle, locked: boolean): AsyncGenerator<Chunk> {
  const header = await readAt(file, 0, HEADER_LENGTH);
  const version = header.readUInt32BE(4);
  if (header.readUInt32BE(0) !== MAGIC || (version !== 2 && version !== 3)) throw new Error('This is not a qcow2 file');
  if (header.readBigUInt64BE(8) !== 0n) throw new Error('A disk with a backing file is not read');
  if (header.readUInt32BE(32) !== (locked ? LUKS : 0)) throw new Error(locked ? 'The disk is not encrypted' : 'An encrypted disk is not read');
  // Bit 0 (dirty refcounts) does not matter to a reader; every other one changes what the tables mean.
  if (version === 3 && header.readBigUInt64BE(72) & ~1n) throw new Error('The disk uses features that are not read');

  const clusterBits = header.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) throw new Error('The disk has clusters of an impossible size');
  const cluster = 1 << clusterBits;
  const size = Number(header.readBigUInt64BE(24));
  const l2Entries = cluster / 8;
  const l1Size = Math.min(header.readUInt32BE(36), Math.ceil(size / (cluster * l2Entries)));
  const l1 = await readAt(file, Number(header.readBigUInt64BE(40)), l1Size * 8);

  for (let i = 0; i < l1Size; i++) {
    const l2Offset = Number(l1.readBigUInt64BE(i * 8) & OFFSET_MASK);
    if (l2Offset === 0) continue;
    const l2 = await readAt(file, l2Offset, cluster);
    for (let j = 0; j < l2Entries; j++) {
      const entry = l2.readBigUInt64BE(j * 8);
      const offset = (i * l2Entries + j) * cluster;
      if (entry === 0n || offset >= size) continue;
      const bytes = (await readCluster(file, entry, clusterBits)).subarray(0, size - offset);
      if (!isZero(bytes)) yield { offset, bytes };
    }
  }
}

const inflate = promisify<Buffer, { maxOutputLength: number }, Buffer>(inflateRaw);

async function readCluster(file: FileHandle, entry: bigint, clusterBits: number): Promise<Buffer> {
  const cluster = 1 << clusterBits;
  if (entry & COMPRESSED) {
    const offsetBits = BigInt(62 - (clusterBits - 8));
    const offset = Number(entry & ((1n << offsetBits) - 1n));
    const sectors = Number((entry & (COMPRESSED - 1n)) >> offsetBits) + 1;
    const bytes = await readAt(file, offset, sectors * 512 - (offset % 512));
    return inflate(bytes, { maxOutputLength: cluster });
  }
  const offset = Number(entry & OFFSET_MASK);
  return entry & ZERO || offset === 0 ? Buffer.alloc(0) : readAt(file, offset, cluster);
}

/** Writes a flat qcow2 of this size with these chunks; a later chunk goes over an earlier one. Returns the file's size. */
export async function writeQcow2(
  path: string,
  virtualSize: number,
  chunks: AsyncIterable<Chunk> | Iterable<Chunk>,
  { locked = false }: { /** The chunks are ciphertext, and the file says so. What opens it is not in it. */ locked?: boolean } = {},
): Promise<number> {
  // The intake reads it as another user.
  await using file = await open(path, 'w+', 0o644);
  const placeOf = new Map<number, number>();
  let clusters = 1;

  for await (const { offset, bytes } of chunks) {
    for (let done = 0; done < bytes.length; ) {
      const at = offset + done;
      const [index, within] = [Math.floor(at / CLUSTER), at % CLUSTER];
      const part = bytes.subarray(done, done + CLUSTER - within);
      done += part.length;
      let place = placeOf.get(index);
      if (place === undefined) {
        if (isZero(part)) continue;
        place = clusters++;
        placeOf.set(index, place);
      }
      await writeAt(file, place * CLUSTER + within, part);
    }
  }

  const l1Size = Math.max(1, Math.ceil(virtualSize / (CLUSTER * L2_ENTRIES)));
  const l1 = Buffer.alloc(Math.ceil((l1Size * 8) / CLUSTER) * CLUSTER);
  for (const [table, entries] of groupByTable(placeOf)) {
    const l2 = Buffer.alloc(CLUSTER);
    for (const [entry, place] of entries) l2.writeBigUInt64BE(COPIED | BigInt(place * CLUSTER), entry * 8);
    l1.writeBigUInt64BE(COPIED | BigInt(clusters * CLUSTER), table * 8);
    await writeAt(file, clusters++ * CLUSTER, l2);
  }
  const l1Place = clusters;
  await writeAt(file, l1Place * CLUSTER, l1);
  clusters += l1.length / CLUSTER;

  const refcounts = placeRefcounts(clusters);
  const table = Buffer.alloc(refcounts.tableClusters * CLUSTER);
  for (let block = 0; block < refcounts.blocks; block++) {
    table.writeBigUInt64BE(BigInt((clusters + block) * CLUSTER), block * 8);
    const counts = Buffer.alloc(CLUSTER);
    const used = Math.min(REFCOUNTS_PER_BLOCK, refcounts.total - block * REFCOUNTS_PER_BLOCK);
    for (let i = 0; i < used; i++) counts.writeUInt16BE(1, i * 2);
    await writeAt(file, (clusters + block) * CLUSTER, counts);
  }
  const tablePlace = clusters + refcounts.blocks;
  await writeAt(file, tablePlace * CLUSTER, table);

  const header = Buffer.alloc(HEADER_LENGTH + 8);
  header.writeUInt32BE(MAGIC, 0);
  header.writeUInt32BE(3, 4);
  header.writeUInt32BE(CLUSTER_BITS, 20);
  header.writeBigUInt64BE(BigInt(virtualSize), 24);
  header.writeUInt32BE(locked ? LUKS : 0, 32);
  header.writeUInt32BE(l1Size, 36);
  header.writeBigUInt64BE(BigInt(l1Place * CLUSTER), 40);
  header.writeBigUInt64BE(BigInt(tablePlace * CLUSTER), 48);
  header.writeUInt32BE(refcounts.tableClusters, 56);
  header.writeUInt32BE(4, 96);
  header.writeUInt32BE(HEADER_LENGTH, 100);
  await writeAt(file, 0, header);

  const size = refcounts.total * CLUSTER;
  await file.truncate(size);
  return size;
}

/** The refcount blocks count themselves and the table too, so their number is found by trying. */
function placeRefcounts(clusters: number): { blocks: number; tableClusters: number; total: number } {
  let [blocks, tableClusters] = [1, 1];
  for (;;) {
    const total = clusters + blocks + tableClusters;
    const [needed, neededTable] = [Math.ceil(total / REFCOUNTS_PER_BLOCK), Math.ceil((blocks * 8) / CLUSTER)];
    if (needed <= blocks && neededTable <= tableClusters) return { blocks, tableClusters, total };
    [blocks, tableClusters] = [Math.max(blocks, needed), Math.max(tableClusters, neededTable)];
  }
}

function groupByTable(placeOf: Map<number, number>): Map<number, [entry: number, place: number][]> {
  const tables = new Map<number, [number, number][]>();
  for (const [index, place] of placeOf) {
    const table = Math.floor(index / L2_ENTRIES);
    const entries = tables.get(table) ?? [];
    entries.push([index % L2_ENTRIES, place]);
    tables.set(table, entries);
  }
  return tables;
}

/** What lies beyond the end of the file reads as zeros, as a sparse disk's end does. */
async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes;
}

async function writeAt(file: FileHandle, offset: number, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done);
    done += bytesWritten;
  }
}

function isZero(bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}
