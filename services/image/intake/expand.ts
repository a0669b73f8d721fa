/** Turns a qcow2 file that has been judged into the raw disk that is in it: qemu/docs/interop/qcow2.rst. */
import { open, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';

const inflate = promisify(inflateRaw);
const offsetMask = 0x00ff_ffff_ffff_fe00n;
const compressedBit = 1n << 62n;
const zeroBit = 1n;

/** Writes the disk anew; what is zero in it stays a hole. The intake refuses everything that is not read here. */
export async function expandQcow2(from: string, to: string): Promise<void> {
  await using source = await open(from, 'r');
  await using target = await open(to, 'w', 0o644);
  const header = await readAt(source, 0, 72);
  const clusterBits = header.readUInt32BE(20);
  const size = Number(header.readBigUInt64BE(24));
  const layout = { clusterBits, cluster: 2 ** clusterBits, size };
  await target.truncate(size);
  const l1 = await readAt(source, Number(header.readBigUInt64BE(40)), header.readUInt32BE(36) * 8);
  const perTable = layout.cluster ** 2 / 8;
  for (let index = 0; index * 8 + 8 <= l1.length && index * perTable < size; index++) {
    const l2Offset = l1.readBigUInt64BE(index * 8) & offsetMask;
    if (l2Offset !== 0n) await expandTable(source, target, { ...layout, table: await readAt(source, Number(l2Offset), layout.cluster), first: index * perTable });
  }
  await target.sync();
}

type Layout = { clusterBits: number; cluster: number; size: number };

async function expandTable(source: FileHandle, target: FileHandle, { table, first, ...layout }: Layout & { table: Buffer; first: number }): Promise<void> {
  for (let at = 0; at + 8 <= table.length; at += 8) {
    const entry = table.readBigUInt64BE(at);
    const offset = first + (at / 8) * layout.cluster;
    if (entry === 0n || offset >= layout.size) continue;
    const bytes = await clusterOf(source, entry, layout);
    if (bytes) await target.write(bytes, 0, Math.min(bytes.length, layout.size - offset), offset);
  }
}

async function clusterOf(source: FileHandle, entry: bigint, { clusterBits, cluster }: Layout): Promise<Buffer | undefined> {
  if (entry & compressedBit) {
    const offsetBits = BigInt(62 - (clusterBits - 8));
    const offset = Number(entry & ((1n << offsetBits) - 1n));
    const sectors = Number((entry & (compressedBit - 1n)) >> offsetBits) + 1;
    // The last of the sectors may hold the beginning of the next cluster: what follows the stream does not count.
    return inflate(await readAt(source, offset, sectors * 512 - (offset % 512)), { maxOutputLength: cluster });
  }
  const offset = entry & offsetMask;
  return offset === 0n || entry & zeroBit ? undefined : readAt(source, Number(offset), cluster);
}

/** Fewer bytes where the file ends: there the rest is zero. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
