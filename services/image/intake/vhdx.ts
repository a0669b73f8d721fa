/** VHDX: [MS-VHDX]; qemu/block/vhdx.c. One that was not closed, so that its log would have to be replayed, is refused. */
import { UnsafeImage, type DiskFile } from './disk-file.ts';
import { demandSize, Pieces, readTable, type ForeignDisk, type ForeignLimits, type Piece } from './foreign-disk.ts';

const kib = 1024;
const mib = kib * kib;
/** As they are written in the file: the first three fields the other way round. */
const batRegion = '6677c22d23f600429d64115e9bfd4a08';
const metadataRegion = '06a27c8b90479a4bb8fe575f050f886e';
const fileParameters = '3767a1ca36fa434db3b633f0aa44e76b';
const virtualDiskSize = '2442a52f1bcd7648b2115dbed83bf4b8';
const logicalSectorSize = '1dbf41816fa90947ba47f233a8faab5f';
const present = 6;
const partlyPresent = 7;

export function readVhdx(file: DiskFile, limits: ForeignLimits): ForeignDisk {
  demandClosed(file);
  const regions = readRegions(file);
  const metadata = readMetadata(file, regions.get(metadataRegion));
  const parameters = metadata(fileParameters, 8);
  const blockBytes = parameters.readUInt32LE(0);
  if (blockBytes < mib || blockBytes > 256 * mib || (blockBytes & (blockBytes - 1)) !== 0) throw new UnsafeImage(`Blocks of ${blockBytes} bytes are not possible in VHDX.`);
  if (parameters.readUInt32LE(4) & 2) throw new UnsafeImage('The image has a backing file.');
  const sectorBytes = metadata(logicalSectorSize, 4).readUInt32LE(0);
  if (sectorBytes !== 512 && sectorBytes !== 4096) throw new UnsafeImage(`Sectors of ${sectorBytes} bytes are not possible in VHDX.`);
  const virtualSizeBytes = demandSize(metadata(virtualDiskSize, 8).readBigUInt64LE(0), limits);
  // After so many entries of blocks there is one for a bitmap.
  const ratio = (2 ** 23 * sectorBytes) / blockBytes;
  const blocks = Math.ceil(virtualSizeBytes / blockBytes);
  const entries = blocks + Math.floor((blocks - 1) / ratio);
  const bat = regions.get(batRegion);
  if (!bat || bat.bytes < entries * 8) throw new UnsafeImage('The block table is too small for the virtual disk.');
  return { virtualSizeBytes, pieces: walk(file, { table: readTable(file, bat.offset, entries * 8, 'block table'), virtualSizeBytes, blockBytes, ratio }) };
}

function* walk(file: DiskFile, { table, virtualSizeBytes, blockBytes, ratio }: { table: Buffer; virtualSizeBytes: number; blockBytes: number; ratio: number }): Generator<Piece> {
  const pieces = new Pieces(file, virtualSizeBytes);
  for (let index = 0, block = 0; index * 8 < table.length; index++) {
    if ((index + 1) % (ratio + 1) === 0) continue;
    const entry = table.readBigUInt64LE(index * 8);
    const state = Number(entry & 7n);
    if (state === partlyPresent) throw new UnsafeImage('The image has a backing file.');
    if (state === present) yield* pieces.piece(block * blockBytes, Number(entry >> 20n) * mib, blockBytes);
    block++;
  }
}

/** Both headers, or the one that is whole: its log must be empty. */
function demandClosed(file: DiskFile): void {
  const headers = [64 * kib, 128 * kib].map((offset) => readTable(file, offset, 4 * kib, 'VHDX header')).filter((header) => header.toString('latin1', 0, 4) === 'head');
  const newest = headers.toSorted((one, other) => Number(other.readBigUInt64LE(8) - one.readBigUInt64LE(8)))[0];
  if (!newest) throw new UnsafeImage('The VHDX has no header.');
  if (newest.readUInt16LE(66) !== 1) throw new UnsafeImage('The VHDX is of an unknown version.');
  if (!newest.subarray(48, 64).every((byte) => byte === 0)) throw new UnsafeImage('The VHDX was not closed: something is left in its log.');
}

type Region = { offset: number; bytes: number };

function readRegions(file: DiskFile): Map<string, Region> {
  const table = readTable(file, 192 * kib, 64 * kib, 'region table');
  if (table.toString('latin1', 0, 4) !== 'regi') throw new UnsafeImage('The VHDX has no region table.');
  const count = table.readUInt32LE(8);
  if (count > 2047) throw new UnsafeImage('The region table is too large.');
  const regions = new Map<string, Region>();
  for (let index = 0; index < count; index++) {
    const at = 16 + index * 32;
    const id = table.toString('hex', at, at + 16);
    if (id !== batRegion && id !== metadataRegion) throw new UnsafeImage('The VHDX has a region that nobody knows.');
    if (regions.has(id)) throw new UnsafeImage('The VHDX has a region twice.');
    regions.set(id, { offset: Number(table.readBigUInt64LE(at + 16)), bytes: table.readUInt32LE(at + 24) });
  }
  return regions;
}

/** Items by their ids, of at least so many bytes. */
function readMetadata(file: DiskFile, region: Region | undefined): (id: string, bytes: number) => Buffer {
  if (!region) throw new UnsafeImage('The VHDX has no metadata.');
  const table = readTable(file, region.offset, 64 * kib, 'metadata table');
  if (table.toString('latin1', 0, 8) !== 'metadata') throw new UnsafeImage('The VHDX has no metadata.');
  const count = Math.min(table.readUInt16LE(10), 2047);
  return (id, bytes) => {
    for (let index = 0; index < count; index++) {
      const at = 32 + index * 32;
      if (table.toString('hex', at, at + 16) !== id) continue;
      const offset = table.readUInt32LE(at + 16);
      if (offset < 64 * kib || offset + bytes > region.bytes) throw new UnsafeImage('An item of the metadata lies outside of it.');
      return readTable(file, region.offset + offset, bytes, 'metadata');
    }
    throw new UnsafeImage('The metadata of the VHDX lacks something.');
  };
}
