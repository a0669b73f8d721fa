/**
 * Looks through a qcow2 file without believing it: qemu/docs/interop/qcow2.rst.
 *
 * Only what every driver can boot passes: one flat disk, each of whose clusters is in the file and is used
 * once. So no name of another file is ever seen by QEMU (ATTACKS 1, 4), and no table makes a small file
 * take unbounded time or memory (ATTACKS 6).
 */
import { UnsafeImage, type DiskFile } from './disk-file.ts';

const v2HeaderLength = 72;
const v3HeaderLength = 104;
const offsetMask = 0x00ff_ffff_ffff_fe00n;
const compressedBit = 1n << 62n;
const reservedL1 = 0x7f00_0000_0000_01ffn;
const reservedL2 = 0x3f00_0000_0000_01fen;

/** As QEMU limits them: block/qcow2.h. */
const mostL1Bytes = 32 * 2 ** 20;
const mostRefcountTableBytes = 8 * 2 ** 20;

const extensions: Record<number, string | undefined> = {
  0xe2792aca: 'names the format of a backing file',
  0x44415441: 'names an external data file',
  0x0537be77: 'is encrypted',
  0x23852875: 'has persistent bitmaps',
};
const featureNames = 0x6803f857;

const incompatible = ['', 'is marked as corrupt', 'keeps its data in an external file', 'is compressed with another method than deflate', 'has extended L2 entries'];

export type Qcow2Limits = { maxVirtualSizeBytes: number; /** What guests have written is ciphertext, and the file says so. */ locked?: boolean };

/** crypt_method, and where the header of LUKS is. */
const luks = 2;
const luksHeader = 0x0537be77;

/** The size of the disk that the guest will see. */
export function inspectQcow2(file: DiskFile, { maxVirtualSizeBytes, locked = false }: Qcow2Limits): number {
  const header = file.read(0, v3HeaderLength);
  if (header.length < v2HeaderLength) throw new UnsafeImage('The qcow2 header is cut off.');
  const version = header.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw new UnsafeImage(`qcow2 version ${version} is not supported.`);
  if (header.readBigUInt64BE(8) !== 0n || header.readUInt32BE(16) !== 0) throw new UnsafeImage('The image has a backing file.');

  const clusterBits = header.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) throw new UnsafeImage(`Clusters of 2^${clusterBits} bytes are not possible in qcow2.`);
  if (header.readUInt32BE(32) !== (locked ? luks : 0)) throw new UnsafeImage(locked ? 'The image is not encrypted.' : 'The image is encrypted.');
  if (header.readUInt32BE(60) !== 0) throw new UnsafeImage('The image has internal snapshots.');
  const headerLength = version === 2 ? v2HeaderLength : checkVersion3(header, 2 ** clusterBits);
  const keys = checkExtensions(file, headerLength, 2 ** clusterBits, locked);

  const virtualSize = header.readBigUInt64BE(24);
  if (virtualSize === 0n) throw new UnsafeImage('The virtual disk has no size.');
  if (virtualSize > BigInt(maxVirtualSizeBytes)) throw new UnsafeImage(`The virtual disk of ${virtualSize} bytes is larger than the ${maxVirtualSizeBytes} bytes that are allowed.`);

  const clusters = new Clusters(file.sizeBytes, clusterBits);
  clusters.take(0n, 2 ** clusterBits, 'header');
  if (keys) clusters.take(keys.offset, Number(keys.bytes), 'header of LUKS');
  checkRefcounts(file, header, clusters);
  checkMapping(file, header, clusters, Number(virtualSize));
  return Number(virtualSize);
}

function checkVersion3(header: Buffer, clusterSize: number): number {
  if (header.length < v3HeaderLength) throw new UnsafeImage('The qcow2 header is cut off.');
  const features = header.readBigUInt64BE(72);
  // Bit 0 says that refcounts may be stale, which no reader minds.
  for (let bit = 1; bit < 64; bit++)
    if (features & (1n << BigInt(bit))) throw new UnsafeImage(`The image ${incompatible[bit] ?? `uses an unknown incompatible feature (bit ${bit})`}.`);
  if (header.readUInt32BE(96) > 6) throw new UnsafeImage('The refcounts have an impossible width.');
  const length = header.readUInt32BE(100);
  if (length < v3HeaderLength || length > clusterSize || length % 8 !== 0) throw new UnsafeImage(`A qcow2 header of ${length} bytes is not possible.`);
  return length;
}

function checkExtensions(file: DiskFile, from: number, clusterSize: number, locked: boolean): { offset: bigint; bytes: bigint } | undefined {
  const area = file.read(0, clusterSize);
  let keys: { offset: bigint; bytes: bigint } | undefined;
  for (let at = from; at + 8 <= area.length; ) {
    const type = area.readUInt32BE(at);
    const length = area.readUInt32BE(at + 4);
    if (type === 0) return keys;
    if (type === luksHeader && locked && !keys && length === 16) keys = { offset: area.readBigUInt64BE(at + 8), bytes: area.readBigUInt64BE(at + 16) };
    else if (type !== featureNames) throw new UnsafeImage(`The image ${extensions[type] ?? `has an unknown header extension (0x${type.toString(16)})`}.`);
    if (length > area.length - at - 8) throw new UnsafeImage('A header extension is larger than the header.');
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return keys;
}

/** Which clusters of the file have been used: a second use would make two things out of the same bytes. */
class Clusters {
  readonly size: number;
  readonly #bits: number;
  readonly #count: number;
  readonly #used: Uint8Array;

  constructor(fileBytes: number, bits: number) {
    this.#bits = bits;
    this.size = 2 ** bits;
    // The last cluster may be cut off where it ends in zeros: qemu-img writes such files.
    this.#count = Math.ceil(fileBytes / this.size);
    this.#used = new Uint8Array(Math.ceil(this.#count / 8));
  }

  take(offset: bigint, bytes: number, what: string): void {
    if (offset % BigInt(this.size) !== 0n) throw new UnsafeImage(`A ${what} does not begin where a cluster does.`);
    const first = offset >> BigInt(this.#bits);
    const count = Math.ceil(bytes / this.size);
    if (first + BigInt(count) > BigInt(this.#count)) throw new UnsafeImage(`A ${what} lies outside of the file.`);
    for (let index = Number(first); index < Number(first) + count; index++) {
      const mask = 1 << (index & 7);
      if (this.#used[index >> 3]! & mask) throw new UnsafeImage(`A ${what} overlaps something else in the file.`);
      this.#used[index >> 3]! |= mask;
    }
  }
}

function checkRefcounts(file: DiskFile, header: Buffer, clusters: Clusters): void {
  const bytes = header.readUInt32BE(56) * clusters.size;
  if (bytes === 0 || bytes > mostRefcountTableBytes) throw new UnsafeImage('The refcount table has an impossible size.');
  const offset = header.readBigUInt64BE(48);
  clusters.take(offset, bytes, 'refcount table');
  const table = file.read(Number(offset), bytes);
  for (let at = 0; at + 8 <= table.length; at += 8) {
    const block = table.readBigUInt64BE(at);
    if (block === 0n) continue;
    if (block & 0x1ffn) throw new UnsafeImage('A refcount block has reserved bits set.');
    clusters.take(block, clusters.size, 'refcount block');
  }
}

function checkMapping(file: DiskFile, header: Buffer, clusters: Clusters, virtualSize: number): void {
  const l2Entries = clusters.size / 8;
  const l1Size = header.readUInt32BE(36);
  const needed = Math.ceil(virtualSize / (clusters.size * l2Entries));
  if (l1Size < needed) throw new UnsafeImage('The L1 table is too small for the virtual disk.');
  if (l1Size * 8 > mostL1Bytes) throw new UnsafeImage('The L1 table is too large.');
  const l1Offset = header.readBigUInt64BE(40);
  clusters.take(l1Offset, l1Size * 8, 'L1 table');
  const l1 = file.read(Number(l1Offset), l1Size * 8);
  for (let at = 0; at + 8 <= l1.length; at += 8) {
    const entry = l1.readBigUInt64BE(at);
    if (entry & reservedL1) throw new UnsafeImage('An L1 entry has reserved bits set.');
    const l2Offset = entry & offsetMask;
    if (l2Offset === 0n) continue;
    clusters.take(l2Offset, clusters.size, 'L2 table');
    checkL2(file.read(Number(l2Offset), clusters.size), file.sizeBytes, clusters);
  }
}

function checkL2(table: Buffer, fileBytes: number, clusters: Clusters): void {
  const offsetBits = BigInt(62 - (Math.log2(clusters.size) - 8));
  for (let at = 0; at + 8 <= table.length; at += 8) {
    const entry = table.readBigUInt64BE(at);
    if (entry === 0n) continue;
    if (entry & compressedBit) {
      // Compressed clusters share a cluster of the file; each grows to one cluster of the disk at most.
      if ((entry & ((1n << offsetBits) - 1n)) >= BigInt(fileBytes)) throw new UnsafeImage('A compressed cluster lies outside of the file.');
      continue;
    }
    if (entry & reservedL2) throw new UnsafeImage('An L2 entry has reserved bits set.');
    const offset = entry & offsetMask;
    if (offset !== 0n) clusters.take(offset, clusters.size, 'data cluster');
  }
}
