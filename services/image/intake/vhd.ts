/** VHD, of a fixed or growing size: Virtual Hard Disk Image Format Specification (Microsoft, 2006); qemu/block/vpc.c. */
import { UnsafeImage, type DiskFile } from './disk-file.ts';
import { demandSize, Pieces, readTable, type ForeignDisk, type ForeignLimits, type Piece } from './foreign-disk.ts';

const sector = 512;
const kinds = { fixed: 2, dynamic: 3, differencing: 4 } as const;
const unused = 0xffff_ffff;

export function readVhd(file: DiskFile, limits: ForeignLimits): ForeignDisk {
  if (file.sizeBytes < 2 * sector) throw new UnsafeImage('The VHD is cut off.');
  const footer = file.read(file.sizeBytes - sector, sector);
  if (footer.toString('latin1', 0, 8) !== 'conectix') throw new UnsafeImage('The VHD has no footer.');
  demandSum(footer, 64, 'footer');
  const virtualSizeBytes = demandSize(footer.readBigUInt64BE(48), limits);
  switch (footer.readUInt32BE(60)) {
    case kinds.fixed: {
      if (virtualSizeBytes > file.sizeBytes - sector) throw new UnsafeImage('The disk of the VHD lies outside of the file.');
      return { virtualSizeBytes, pieces: flat(virtualSizeBytes) };
    }
    case kinds.dynamic:
      return { virtualSizeBytes, pieces: blocks(file, footer, virtualSizeBytes) };
    case kinds.differencing:
      throw new UnsafeImage('The image has a backing file.');
    default:
      throw new UnsafeImage('The VHD is of an unknown kind.');
  }
}

function* flat(virtualSizeBytes: number): Generator<Piece> {
  const step = 2 ** 20;
  for (let at = 0; at < virtualSizeBytes; at += step) yield { diskOffset: at, fileOffset: at, bytes: Math.min(step, virtualSizeBytes - at) };
}

function* blocks(file: DiskFile, footer: Buffer, virtualSizeBytes: number): Generator<Piece> {
  const header = readTable(file, Number(footer.readBigUInt64BE(16)), 1024, 'VHD header');
  if (header.toString('latin1', 0, 8) !== 'cxsparse') throw new UnsafeImage('The VHD has no header.');
  demandSum(header, 36, 'header');
  const [entries, blockBytes] = [header.readUInt32BE(28), header.readUInt32BE(32)];
  if (blockBytes < sector || blockBytes > 2 ** 28 || (blockBytes & (blockBytes - 1)) !== 0) throw new UnsafeImage(`Blocks of ${blockBytes} bytes are not possible in VHD.`);
  if (entries < Math.ceil(virtualSizeBytes / blockBytes)) throw new UnsafeImage('The block table is too small for the virtual disk.');
  const table = readTable(file, Number(header.readBigUInt64BE(16)), Math.ceil(virtualSizeBytes / blockBytes) * 4, 'block table');
  // Before each block: which of its sectors were written.
  const bitmapBytes = Math.ceil(blockBytes / sector / 8 / sector) * sector;
  const pieces = new Pieces(file, virtualSizeBytes);
  for (let index = 0; index * 4 < table.length; index++) {
    const place = table.readUInt32BE(index * 4);
    if (place !== unused) yield* pieces.piece(index * blockBytes, place * sector + bitmapBytes, blockBytes);
  }
}

/** The ones' complement of the sum of all its bytes, without the sum itself. */
function demandSum(bytes: Buffer, at: number, what: string): void {
  let sum = 0;
  for (let index = 0; index < bytes.length; index++) if (index < at || index >= at + 4) sum += bytes[index]!;
  if ((~sum >>> 0) !== bytes.readUInt32BE(at)) throw new UnsafeImage(`The ${what} of the VHD is damaged.`);
}
