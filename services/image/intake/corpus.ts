/** Images for tests: a sound qcow2 made by hand, and what attackers make of it. */

export const cluster = 65_536;

/** One gibibyte of disk whose first bytes are these. */
export function soundQcow2({ content = Buffer.from('hello'), virtualSize = 2 ** 30 }: { content?: Buffer; virtualSize?: number } = {}): Buffer {
  // header | refcount table | refcount block | L1 | L2 | data
  const file = Buffer.alloc(6 * cluster);
  file.write('QFI\xfb', 0, 'latin1');
  file.writeUInt32BE(3, 4);
  file.writeUInt32BE(16, 20);
  file.writeBigUInt64BE(BigInt(virtualSize), 24);
  file.writeUInt32BE(Math.max(1, Math.ceil(virtualSize / (cluster * (cluster / 8)))), 36);
  file.writeBigUInt64BE(BigInt(3 * cluster), 40);
  file.writeBigUInt64BE(BigInt(cluster), 48);
  file.writeUInt32BE(1, 56);
  file.writeUInt32BE(4, 96);
  file.writeUInt32BE(104, 100);
  file.writeBigUInt64BE(BigInt(2 * cluster), cluster);
  for (let index = 0; index < 6; index++) file.writeUInt16BE(1, 2 * cluster + index * 2);
  file.writeBigUInt64BE((1n << 63n) | BigInt(4 * cluster), 3 * cluster);
  file.writeBigUInt64BE((1n << 63n) | BigInt(5 * cluster), 4 * cluster);
  content.copy(file, 5 * cluster);
  return file;
}

type Hostile = { name: string; declared: string; bytes: Buffer; reason: RegExp };

/** The sound image with a change. */
export function changed(change: (file: Buffer) => void): Buffer {
  const file = soundQcow2();
  change(file);
  return file;
}

function withBacking(name: string): Buffer {
  return changed((file) => {
    file.writeBigUInt64BE(512n, 8);
    file.writeUInt32BE(name.length, 16);
    file.write(name, 512, 'latin1');
  });
}

function withExtension(type: number, data: string): Buffer {
  return changed((file) => {
    file.writeUInt32BE(type, 104);
    file.writeUInt32BE(data.length, 108);
    file.write(data, 112, 'latin1');
  });
}

/** Locked, its header of LUKS being there. */
function locked(keysAt: number, bytes: number, change: (file: Buffer) => void = () => undefined): Buffer {
  return changed((file) => {
    file.writeUInt32BE(2, 32);
    file.writeUInt32BE(0x0537be77, 104);
    file.writeUInt32BE(16, 108);
    file.writeBigUInt64BE(BigInt(keysAt), 112);
    file.writeBigUInt64BE(BigInt(bytes), 120);
    change(file);
  });
}

function startingWith(text: string, at = 0): Buffer {
  const file = Buffer.alloc(cluster);
  file.write(text, at, 'latin1');
  return file;
}

const qcow2 = (name: string, bytes: Buffer, reason: RegExp): Hostile => ({ name, declared: 'qcow2', bytes, reason });
const asLocked = (name: string, bytes: Buffer, reason: RegExp): Hostile => ({ name, declared: 'locked qcow2', bytes, reason });
const asRaw = (name: string, bytes: Buffer): Hostile => ({ name, declared: 'raw', bytes, reason: /does not match|several formats/ });

export const hostile: readonly Hostile[] = [
  // OSSA-2024-001: the data lies in a file of the host.
  qcow2('has its data in /etc/shadow', changed((file) => {
    file.writeBigUInt64BE(4n, 72);
    file.writeUInt32BE(0x44415441, 104);
    file.writeUInt32BE(11, 108);
    file.write('/etc/shadow', 112);
  }), /external file/),
  qcow2('names /etc/shadow as data file without saying that it uses it', withExtension(0x44415441, '/etc/shadow'), /external data file/),
  qcow2('has /etc/shadow behind it', withBacking('/etc/shadow'), /backing file/),
  qcow2('has a json: name behind it', withBacking('json:{"driver":"file","filename":"/etc/shadow"}'), /backing file/),
  qcow2('has an nbd: server behind it', withBacking('nbd:127.0.0.1:10809'), /backing file/),
  qcow2('names the format of a backing file', withExtension(0xe2792aca, 'raw'), /backing file/),
  qcow2('has a length of a backing name and no place for it', changed((file) => file.writeUInt32BE(11, 16)), /backing file/),
  qcow2('is encrypted', changed((file) => file.writeUInt32BE(2, 32)), /encrypted/),
  qcow2('is locked soundly', locked(5 * cluster, 4096), /encrypted/),
  asLocked('is not locked', soundQcow2(), /not encrypted/),
  asLocked('has its keys outside of the file', locked(600 * cluster, 4096), /outside of the file/),
  asLocked('has its keys where its tables are', locked(3 * cluster, 4096), /overlaps/),
  asLocked('has /etc/shadow behind it', locked(5 * cluster, 4096, (file) => void file.writeBigUInt64BE(512n, 8)), /backing file/),
  qcow2('has a header for LUKS', withExtension(0x0537be77, 'x'.repeat(16)), /encrypted/),
  qcow2('has an extension that nobody knows', withExtension(0x12345678, 'x'), /unknown header extension/),
  qcow2('has an extension larger than its header', changed((file) => { file.writeUInt32BE(0x6803f857, 104); file.writeUInt32BE(0xffffffff, 108); }), /larger than the header/),
  qcow2('has extended L2 entries', changed((file) => file.writeBigUInt64BE(16n, 72)), /extended L2/),
  qcow2('uses a feature of the future', changed((file) => file.writeBigUInt64BE(1n << 40n, 72)), /bit 40/),
  qcow2('is of version 4', changed((file) => file.writeUInt32BE(4, 4)), /does not match|version/),
  qcow2('has clusters of 4 GiB', changed((file) => file.writeUInt32BE(32, 20)), /Clusters of/),
  qcow2('has clusters of one byte', changed((file) => file.writeUInt32BE(0, 20)), /Clusters of/),
  qcow2('is a disk of 8 exbibytes', changed((file) => file.writeBigUInt64BE(2n ** 63n, 24)), /larger than/),
  qcow2('is a disk of 42 exabytes by the largest number there is', changed((file) => file.writeBigUInt64BE(0xffff_ffff_ffff_ffffn, 24)), /larger than/),
  qcow2('is a disk of nothing', changed((file) => file.writeBigUInt64BE(0n, 24)), /no size/),
  qcow2('has an L1 table of 32 GiB', changed((file) => file.writeUInt32BE(0xffffffff, 36)), /too large/),
  qcow2('has an L1 table outside of the file', changed((file) => file.writeBigUInt64BE(BigInt(1000 * cluster), 40)), /outside/),
  qcow2('has an L1 table between clusters', changed((file) => file.writeBigUInt64BE(BigInt(3 * cluster + 8), 40)), /does not begin/),
  qcow2('has its L1 table over its header', changed((file) => file.writeBigUInt64BE(0n, 40)), /overlaps/),
  qcow2('has no L1 table for its disk', changed((file) => file.writeUInt32BE(0, 36)), /too small/),
  qcow2('has a refcount table of 256 TiB', changed((file) => file.writeUInt32BE(0xffffffff, 56)), /refcount table/),
  qcow2('has one L2 table for the whole disk, many times', changed((file) => {
    file.writeBigUInt64BE(2n ** 33n, 24);
    file.writeUInt32BE(16, 36);
    for (let at = 0; at < 16; at++) file.writeBigUInt64BE(BigInt(4 * cluster), 3 * cluster + at * 8);
  }), /overlaps/),
  qcow2('has one data cluster many times', changed((file) => file.writeBigUInt64BE((1n << 63n) | BigInt(5 * cluster), 4 * cluster + 8)), /overlaps/),
  qcow2('has data outside of the file', changed((file) => file.writeBigUInt64BE(BigInt(2 ** 50), 4 * cluster)), /outside/),
  qcow2('has compressed data outside of the file', changed((file) => file.writeBigUInt64BE((1n << 62n) | 0xff_ffff_ffffn, 4 * cluster)), /outside/),
  qcow2('has internal snapshots', changed((file) => file.writeUInt32BE(65536, 60)), /snapshots/),
  qcow2('is only the beginning of a header', Buffer.from('QFI\xfb\x00\x00\x00\x03', 'latin1'), /cut off/),
  qcow2('is really raw', Buffer.alloc(cluster, 7), /does not match/),
  qcow2('is empty', Buffer.alloc(0), /empty/),
  // OSSA-2024-002: said to be raw, and then opened as what it is.
  asRaw('is a qcow2 with a backing file', withBacking('/etc/shadow')),
  asRaw('is a sparse VMDK', startingWith('KDMV')),
  // OSSA-2023-002
  asRaw('is a VMDK descriptor that names a file of the host', startingWith('# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 4 FLAT "/etc/shadow" 0\n')),
  asRaw('is a VMDK descriptor behind comments', startingWith('#x\n\n  # y\nversion=1\ncreateType="monolithicFlat"\nRW 4 FLAT "/etc/shadow" 0\n')),
  asRaw('is a VHD', startingWith('conectix')),
  asRaw('is a fixed VHD, with a footer only', startingWith('conectix', cluster - 512)),
  asRaw('is a VHDX', startingWith('vhdxfile')),
  asRaw('is a VDI', startingWith('\x7f\x10\xda\xbe', 0x40)),
  asRaw('is a LUKS volume', startingWith('LUKS\xba\xbe')),
  asRaw('is a QED', startingWith('QED\0')),
  asRaw('is a DMG', startingWith('koly', cluster - 512)),
  asRaw('is an ISO', startingWith('CD001', 0x8001)),
  qcow2('is a qcow2 and an ISO at once', changed((file) => file.write('CD001', 0x8001)), /several formats/),
  { name: 'is an ISO and a qcow2 at once', declared: 'iso', bytes: changed((file) => file.write('CD001', 0x8001)), reason: /several formats/ },
  { name: 'is only the beginning of a VMDK', declared: 'vmdk', bytes: startingWith('KDMV'), reason: /version 0/ },
  { name: 'is of a format that nobody boots', declared: 'ploop', bytes: Buffer.alloc(cluster, 0), reason: /cannot be booted/ },
  { name: 'says that it has a partition table', declared: 'gpt', bytes: Buffer.alloc(cluster, 0), reason: /does not match/ },
];
