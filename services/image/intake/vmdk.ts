/**
 * VMDK in one file: monolithicSparse, and streamOptimized as OVA archives have it. Virtual Disk Format 5.0 (VMware);
 * qemu/block/vmdk.c. A descriptor that names any other file is refused (ATTACKS 5).
 */
import { UnsafeImage, type DiskFile } from './disk-file.ts';
import { demandSize, Pieces, readTable, type ForeignDisk, type ForeignLimits, type Piece } from './foreign-disk.ts';

const sector = 512;
const compressedFlag = 1 << 16;
const atTheEnd = 0xffff_ffff_ffff_ffffn;
const allowedTypes = ['monolithicSparse', 'streamOptimized'];
const mostDescriptorBytes = 64 * 1024;

type Header = { flags: number; capacity: bigint; grain: number; descriptorOffset: number; descriptorSize: number; entriesPerTable: number; directoryOffset: bigint; algorithm: number };

export function readVmdk(file: DiskFile, limits: ForeignLimits): ForeignDisk {
  const first = headerAt(file, 0);
  checkDescriptor(file, first);
  // Whoever writes a stream knows its directory only at the end: a second header is there.
  const header = first.directoryOffset === atTheEnd ? footerOf(file, first) : first;
  const virtualSizeBytes = demandSize(header.capacity * BigInt(sector), limits);
  const tableSpan = header.grain * header.entriesPerTable * sector;
  const tables = Math.ceil(virtualSizeBytes / tableSpan);
  const directory = readTable(file, Number(header.directoryOffset) * sector, tables * 4, 'grain directory');
  return { virtualSizeBytes, pieces: grains(file, header, { virtualSizeBytes, directory, tableSpan }) };
}

function* grains(file: DiskFile, header: Header, { virtualSizeBytes, directory, tableSpan }: { virtualSizeBytes: number; directory: Buffer; tableSpan: number }): Generator<Piece> {
  const pieces = new Pieces(file, virtualSizeBytes);
  const grainBytes = header.grain * sector;
  const isPacked = (header.flags & compressedFlag) !== 0;
  const seen = new Set<number>();
  for (let index = 0; index * 4 < directory.length; index++) {
    const place = directory.readUInt32LE(index * 4);
    if (place === 0) continue;
    if (seen.has(place)) throw new UnsafeImage('Two grain tables are the same bytes of the file.');
    seen.add(place);
    const table = readTable(file, place * sector, header.entriesPerTable * 4, 'grain table');
    for (let entry = 0; entry * 4 < table.length; entry++) {
      const grain = table.readUInt32LE(entry * 4);
      // 1 says that it reads as zeros.
      if (grain === 0 || grain === 1) continue;
      const diskOffset = index * tableSpan + entry * grainBytes;
      if (!isPacked) yield* pieces.piece(diskOffset, grain * sector, grainBytes);
      else {
        const marker = readTable(file, grain * sector, 12, 'grain marker');
        if (Number(marker.readBigUInt64LE(0)) * sector !== diskOffset) throw new UnsafeImage('A compressed grain is not where its table says.');
        yield* pieces.packed(diskOffset, grain * sector + 12, marker.readUInt32LE(8), grainBytes);
      }
    }
  }
}

function headerAt(file: DiskFile, offset: number): Header {
  const bytes = readTable(file, offset, sector, 'VMDK header');
  if (bytes.toString('latin1', 0, 4) !== 'KDMV') throw new UnsafeImage('The image is a VMDK in several files, or of ESX 3: only monolithicSparse and streamOptimized are taken.');
  const version = bytes.readUInt32LE(4);
  if (version < 1 || version > 3) throw new UnsafeImage(`VMDK version ${version} is not supported.`);
  const [grain, entriesPerTable] = [Number(bytes.readBigUInt64LE(20)), bytes.readUInt32LE(44)];
  if (grain < 8 || grain > 2048 || (grain & (grain - 1)) !== 0) throw new UnsafeImage(`Grains of ${grain} sectors are not possible in VMDK.`);
  if (entriesPerTable === 0 || entriesPerTable > 4096) throw new UnsafeImage(`Grain tables of ${entriesPerTable} entries are not possible in VMDK.`);
  const header = {
    flags: bytes.readUInt32LE(8),
    capacity: bytes.readBigUInt64LE(12),
    grain,
    descriptorOffset: Number(bytes.readBigUInt64LE(28)),
    descriptorSize: Number(bytes.readBigUInt64LE(36)),
    entriesPerTable,
    directoryOffset: bytes.readBigUInt64LE(56),
    algorithm: bytes.readUInt16LE(77),
  };
  if ((header.flags & compressedFlag) !== 0 && header.algorithm !== 1) throw new UnsafeImage('The VMDK is compressed with another method than deflate.');
  return header;
}

/** Three sectors before the end: a marker, the header again, and the end of the stream. */
function footerOf(file: DiskFile, first: Header): Header {
  if (file.sizeBytes < 4 * sector) throw new UnsafeImage('The VMDK is cut off.');
  const footer = headerAt(file, file.sizeBytes - 2 * sector);
  if (footer.directoryOffset === atTheEnd) throw new UnsafeImage('The VMDK has no grain directory.');
  if (footer.capacity !== first.capacity || footer.grain !== first.grain) throw new UnsafeImage('The two headers of the VMDK contradict one another.');
  return footer;
}

/** glance_store and oslo_utils (format_inspector, VMDKInspector): what it says to be, and that its one extent is this file. */
function checkDescriptor(file: DiskFile, { descriptorOffset, descriptorSize }: Header): void {
  if (descriptorOffset === 0 || descriptorSize === 0) throw new UnsafeImage('The VMDK has its description in another file.');
  const bytes = descriptorSize * sector;
  if (bytes > mostDescriptorBytes) throw new UnsafeImage('The description of the VMDK is too large.');
  const text = readTable(file, descriptorOffset * sector, bytes, 'VMDK description').toString('latin1').replace(/\0[^]*$/, '');
  const type = /^\s*createType\s*=\s*"([^"]*)"/im.exec(text)?.[1] ?? '';
  if (!allowedTypes.includes(type)) throw new UnsafeImage(`A VMDK of the type "${type}" is not taken: only ${allowedTypes.join(' and ')}.`);
  const extents = text.split('\n').filter((line) => /^\s*(RW|RDONLY|NOACCESS)\b/i.test(line));
  if (extents.length !== 1 || !/^\s*RW\s+\d+\s+SPARSE\s+"[^"/\\]+"\s*$/i.test(extents[0]!)) throw new UnsafeImage('The VMDK names other files than itself.');
  if (/^\s*parentFileNameHint\s*=/im.test(text) || !/^\s*parentCID\s*=\s*"?f{8}"?\s*$/im.test(text)) throw new UnsafeImage('The image has a backing file.');
}
