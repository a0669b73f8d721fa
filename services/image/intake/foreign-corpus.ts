/** Disks of other makers' formats for tests: sound ones made by hand, and what attackers make of them. */
import type { ForeignFormat } from './foreign-formats.ts';

const mib = 2 ** 20;
/** What each of the sound disks holds in its second mebibyte. */
export const content = Buffer.from('of another maker');
export const foreignSizeBytes = 4 * mib;

const sectors = foreignSizeBytes / 512;

function description(type: string, extent = 'RW 8192 SPARSE "disk.vmdk"', parent = 'ffffffff'): string {
  return `# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=${parent}\ncreateType="${type}"\n\n${extent}\n`;
}

/** Header, description, directory, table, and grains of 64 KiB from 128 KiB on. */
export function soundVmdk({ text = description('monolithicSparse'), change = () => undefined }: { text?: string; change?: (file: Buffer) => void } = {}): Buffer {
  const file = Buffer.alloc(192 * 1024);
  file.write('KDMV', 0, 'latin1');
  file.writeUInt32LE(1, 4);
  file.writeUInt32LE(3, 8);
  file.writeBigUInt64LE(BigInt(sectors), 12);
  file.writeBigUInt64LE(128n, 20);
  file.writeBigUInt64LE(1n, 28);
  file.writeBigUInt64LE(20n, 36);
  file.writeUInt32LE(512, 44);
  file.writeBigUInt64LE(21n, 56);
  file.write(text, 512, 'latin1');
  file.writeUInt32LE(22, 21 * 512);
  // The grain at one mebibyte.
  file.writeUInt32LE(256, 22 * 512 + 16 * 4);
  content.copy(file, 256 * 512);
  change(file);
  return file;
}

function withSum(bytes: Buffer, at: number): void {
  let sum = 0;
  for (let index = 0; index < bytes.length; index++) if (index < at || index >= at + 4) sum += bytes[index]!;
  bytes.writeUInt32BE(~sum >>> 0, at);
}

/** Footer, header, table, and blocks of two mebibytes. */
export function soundVhd({ change = () => undefined }: { change?: (file: Buffer) => void } = {}): Buffer {
  const file = Buffer.alloc(2048 + 512 + 2 * mib + 512);
  const header = file.subarray(512, 1536);
  header.write('cxsparse', 0, 'latin1');
  header.writeBigUInt64BE(1536n, 16);
  header.writeUInt32BE(2, 28);
  header.writeUInt32BE(2 * mib, 32);
  file.fill(0xff, 1536, 2048);
  file.writeUInt32BE(4, 1536);
  content.copy(file, 2048 + 512 + mib);
  const footer = file.subarray(file.length - 512);
  footer.write('conectix', 0, 'latin1');
  footer.writeBigUInt64BE(512n, 16);
  footer.writeBigUInt64BE(BigInt(foreignSizeBytes), 48);
  footer.writeUInt32BE(3, 60);
  change(file);
  withSum(header, 36);
  withSum(footer, 64);
  footer.copy(file, 0);
  return file;
}

export function soundVdi({ change = () => undefined }: { change?: (file: Buffer) => void } = {}): Buffer {
  const file = Buffer.alloc(1024 + mib);
  file.writeUInt32LE(0xbeda_107f, 0x40);
  file.writeUInt32LE(0x0001_0001, 0x44);
  file.writeUInt32LE(1, 0x4c);
  file.writeUInt32LE(512, 0x154);
  file.writeUInt32LE(1024, 0x158);
  file.writeBigUInt64LE(BigInt(foreignSizeBytes), 0x170);
  file.writeUInt32LE(mib, 0x178);
  file.writeUInt32LE(4, 0x180);
  file.fill(0xff, 512, 528);
  file.writeUInt32LE(0, 512 + 4);
  content.copy(file, 1024);
  change(file);
  return file;
}

/** Headers, regions, metadata, table, and one block of one mebibyte. */
export function soundVhdx({ change = () => undefined }: { change?: (file: Buffer) => void } = {}): Buffer {
  const file = Buffer.alloc(4 * mib);
  file.write('vhdxfile', 0, 'latin1');
  file.write('head', 64 * 1024, 'latin1');
  file.writeUInt16LE(1, 64 * 1024 + 66);
  const regions = file.subarray(192 * 1024);
  regions.write('regi', 0, 'latin1');
  regions.writeUInt32LE(2, 8);
  for (const [index, id, offset] of [[0, '6677c22d23f600429d64115e9bfd4a08', 2 * mib], [1, '06a27c8b90479a4bb8fe575f050f886e', mib]] as const) {
    regions.write(id, 16 + index * 32, 'hex');
    regions.writeBigUInt64LE(BigInt(offset), 16 + index * 32 + 16);
    regions.writeUInt32LE(mib, 16 + index * 32 + 24);
  }
  const metadata = file.subarray(mib);
  metadata.write('metadata', 0, 'latin1');
  metadata.writeUInt16LE(3, 10);
  const items = [['3767a1ca36fa434db3b633f0aa44e76b', 65536], ['2442a52f1bcd7648b2115dbed83bf4b8', 65544], ['1dbf41816fa90947ba47f233a8faab5f', 65552]] as const;
  for (const [index, [id, offset]] of items.entries()) {
    metadata.write(id, 32 + index * 32, 'hex');
    metadata.writeUInt32LE(offset, 32 + index * 32 + 16);
  }
  metadata.writeUInt32LE(mib, 65536);
  metadata.writeBigUInt64LE(BigInt(foreignSizeBytes), 65544);
  metadata.writeUInt32LE(512, 65552);
  file.writeBigUInt64LE((3n << 20n) | 6n, 2 * mib + 8);
  content.copy(file, 3 * mib);
  change(file);
  return file;
}

export const sound: Record<ForeignFormat, () => Buffer> = { vmdk: () => soundVmdk(), vhd: () => soundVhd(), vdi: () => soundVdi(), vhdx: () => soundVhdx() };

type Hostile = { name: string; declared: ForeignFormat; bytes: Buffer; reason: RegExp };

const vmdk = (name: string, text: string, reason: RegExp): Hostile => ({ name, declared: 'vmdk', bytes: soundVmdk({ text }), reason });
const broken = (declared: ForeignFormat, name: string, bytes: Buffer, reason: RegExp): Hostile => ({ name, declared, bytes, reason });

export const hostileForeign: readonly Hostile[] = [
  // OSSA-2023-002: the extents are files of the host.
  vmdk('names /etc/shadow as its extent', description('monolithicSparse', 'RW 8192 FLAT "/etc/shadow" 0'), /other files/),
  vmdk('names /etc/shadow besides itself', description('monolithicSparse', 'RW 8192 SPARSE "disk.vmdk"\nRW 1 FLAT "/etc/shadow" 0'), /other files/),
  vmdk('names an extent in another folder', description('monolithicSparse', 'RW 8192 SPARSE "../other"'), /other files/),
  vmdk('is flat', description('monolithicFlat', 'RW 8192 FLAT "disk-flat.vmdk" 0'), /monolithicFlat/),
  vmdk('is of a device', description('fullDevice'), /fullDevice/),
  vmdk('says nothing of what it is', 'version=1\n', /type ""/),
  vmdk('has a parent', `${description('monolithicSparse')}parentFileNameHint="/etc/shadow"\n`, /backing file/),
  vmdk('has the number of a parent', description('monolithicSparse', undefined, '12345678'), /backing file/),
  broken('vmdk', 'has its description elsewhere', soundVmdk({ change: (file) => file.writeBigUInt64LE(0n, 28) }), /another file/),
  broken('vmdk', 'has a description of 8 exbibytes', soundVmdk({ change: (file) => file.writeBigUInt64LE(2n ** 54n, 36) }), /too large/),
  broken('vmdk', 'is a disk of 8 zebibytes', soundVmdk({ change: (file) => file.writeBigUInt64LE(2n ** 63n, 12) }), /larger than/),
  broken('vmdk', 'has grains of no size', soundVmdk({ change: (file) => file.writeBigUInt64LE(0n, 20) }), /Grains of/),
  broken('vmdk', 'has endless grain tables', soundVmdk({ change: (file) => file.writeUInt32LE(2 ** 31, 44) }), /Grain tables of/),
  broken('vmdk', 'has its directory outside of the file', soundVmdk({ change: (file) => file.writeBigUInt64LE(2n ** 40n, 56) }), /outside/),
  broken('vmdk', 'has one grain many times', soundVmdk({ change: (file) => file.writeUInt32LE(256, 22 * 512) }), /same bytes/),
  broken('vmdk', 'has a grain outside of the file', soundVmdk({ change: (file) => file.writeUInt32LE(2 ** 31, 22 * 512) }), /outside/),
  broken('vmdk', 'is compressed by a method that nobody knows', soundVmdk({ change: (file) => { file.writeUInt32LE(0x10003, 8); file.writeUInt16LE(7, 77); } }), /another method/),
  broken('vmdk', 'ends after its header', soundVmdk().subarray(0, 512), /outside/),
  broken('vmdk', 'is of ESX 3', Buffer.concat([Buffer.from('COWD'), Buffer.alloc(4096)]), /several files/),
  broken('vhd', 'has a parent', soundVhd({ change: (file) => file.writeUInt32BE(4, file.length - 512 + 60) }), /backing file/),
  broken('vhd', 'is of an unknown kind', soundVhd({ change: (file) => file.writeUInt32BE(9, file.length - 512 + 60) }), /unknown kind/),
  broken('vhd', 'is fixed, and its disk larger than the file', soundVhd({ change: (file) => { file.writeUInt32BE(2, file.length - 512 + 60); file.writeBigUInt64BE(2n ** 40n, file.length - 512 + 48); } }), /outside/),
  broken('vhd', 'has blocks of no size', soundVhd({ change: (file) => file.writeUInt32BE(0, 512 + 32) }), /Blocks of/),
  broken('vhd', 'has its table outside of the file', soundVhd({ change: (file) => file.writeBigUInt64BE(2n ** 40n, 512 + 16) }), /outside/),
  broken('vhd', 'has a table that is too small', soundVhd({ change: (file) => file.writeUInt32BE(1, 512 + 28) }), /too small/),
  broken('vhd', 'has one block many times', soundVhd({ change: (file) => file.writeUInt32BE(4, 1540) }), /same bytes|outside/),
  broken('vhd', 'was changed after its sum was taken', soundVhd().fill(1, 100, 101).fill(1, 2048 + 512 + 2 * mib + 100, 2048 + 512 + 2 * mib + 101), /damaged/),
  broken('vdi', 'has a parent', soundVdi({ change: (file) => file.writeUInt32LE(4, 0x4c) }), /backing file/),
  broken('vdi', 'has the number of a parent', soundVdi({ change: (file) => file.writeUInt32LE(1, 0x1a8) }), /backing file/),
  broken('vdi', 'has blocks of one byte', soundVdi({ change: (file) => file.writeUInt32LE(1, 0x178) }), /Blocks of/),
  broken('vdi', 'is a disk of 8 exbibytes', soundVdi({ change: (file) => file.writeBigUInt64LE(2n ** 63n, 0x170) }), /larger than/),
  broken('vdi', 'has a table of 16 TiB', soundVdi({ change: (file) => file.writeBigUInt64LE(2n ** 44n, 0x170) }), /too small/),
  broken('vdi', 'has a block outside of the file', soundVdi({ change: (file) => file.writeUInt32LE(1000, 512) }), /outside/),
  broken('vdi', 'has one block many times', soundVdi({ change: (file) => file.writeUInt32LE(0, 512) }), /same bytes/),
  broken('vhdx', 'has a parent', soundVhdx({ change: (file) => file.writeUInt32LE(2, mib + 65540) }), /backing file/),
  broken('vhdx', 'has blocks of which a part is elsewhere', soundVhdx({ change: (file) => file.writeBigUInt64LE(7n, 2 * mib) }), /backing file/),
  broken('vhdx', 'was not closed', soundVhdx({ change: (file) => file.writeUInt32LE(1, 64 * 1024 + 48) }), /not closed/),
  broken('vhdx', 'has a region that nobody knows', soundVhdx({ change: (file) => file.writeUInt32LE(1, 192 * 1024 + 16) }), /nobody knows/),
  broken('vhdx', 'has endless regions', soundVhdx({ change: (file) => file.writeUInt32LE(0xffff_ffff, 192 * 1024 + 8) }), /too large/),
  broken('vhdx', 'has metadata outside of the file', soundVhdx({ change: (file) => file.writeBigUInt64LE(2n ** 50n, 192 * 1024 + 64) }), /outside/),
  broken('vhdx', 'has a block outside of the file', soundVhdx({ change: (file) => file.writeBigUInt64LE((2n ** 30n << 20n) | 6n, 2 * mib) }), /outside/),
  broken('vhdx', 'has one block many times', soundVhdx({ change: (file) => file.writeBigUInt64LE((3n << 20n) | 6n, 2 * mib) }), /same bytes/),
  broken('vhdx', 'is a disk of nothing', soundVhdx({ change: (file) => file.writeBigUInt64LE(0n, mib + 65544) }), /no size/),
];
