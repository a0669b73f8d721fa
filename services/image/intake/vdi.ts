/** VDI of VirtualBox, of a fixed or growing size: qemu/block/vdi.c. */
import { UnsafeImage, type DiskFile } from './disk-file.ts';
import { demandSize, Pieces, readTable, type ForeignDisk, type ForeignLimits, type Piece } from './foreign-disk.ts';

/** From here on a block is not there, or zero. */
const nothing = 0xffff_fffe;

export function readVdi(file: DiskFile, limits: ForeignLimits): ForeignDisk {
  const header = readTable(file, 0, 512, 'VDI header');
  if (header.readUInt32LE(0x44) !== 0x0001_0001) throw new UnsafeImage('The VDI is of an unknown version.');
  const kind = header.readUInt32LE(0x4c);
  if (kind !== 1 && kind !== 2) throw new UnsafeImage('The image has a backing file.');
  const virtualSizeBytes = demandSize(header.readBigUInt64LE(0x170), limits);
  const [blockBytes, blocks] = [header.readUInt32LE(0x178), header.readUInt32LE(0x180)];
  if (blockBytes !== 2 ** 20) throw new UnsafeImage(`Blocks of ${blockBytes} bytes are not possible in VDI.`);
  if (header.readUInt32LE(0x17c) !== 0) throw new UnsafeImage('The blocks of the VDI have something before them that nobody knows.');
  if (!isZero(header.subarray(0x1a8, 0x1b8)) || !isZero(header.subarray(0x1b8, 0x1c8))) throw new UnsafeImage('The image has a backing file.');
  if (blocks < Math.ceil(virtualSizeBytes / blockBytes)) throw new UnsafeImage('The block table is too small for the virtual disk.');
  const table = readTable(file, header.readUInt32LE(0x154), Math.ceil(virtualSizeBytes / blockBytes) * 4, 'block table');
  return { virtualSizeBytes, pieces: walk(file, { table, virtualSizeBytes, blockBytes, dataOffset: header.readUInt32LE(0x158) }) };
}

function* walk(file: DiskFile, { table, virtualSizeBytes, blockBytes, dataOffset }: { table: Buffer; virtualSizeBytes: number; blockBytes: number; dataOffset: number }): Generator<Piece> {
  const pieces = new Pieces(file, virtualSizeBytes);
  for (let index = 0; index * 4 < table.length; index++) {
    const block = table.readUInt32LE(index * 4);
    if (block < nothing) yield* pieces.piece(index * blockBytes, dataOffset + block * blockBytes, blockBytes);
  }
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
