/** OVA archives for tests: a sound one made by hand, and what attackers make of it. */
import { hostileForeign, soundVmdk } from './foreign-corpus.ts';

const block = 512;

export function description({ files = [{ id: 'file1', href: 'disk.vmdk' }], disks = ['fileRef="file1"'], more = '' }: { files?: { id: string; href: string; more?: string }[]; disks?: string[]; more?: string } = {}): Buffer {
  return Buffer.from(
    `<?xml version="1.0"?>\n${more}<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">\n` +
      `<References>${files.map((file) => `<File ovf:href="${file.href}" ovf:id="${file.id}" ovf:size="1" ${file.more ?? ''}/>`).join('')}</References>\n` +
      `<!-- <Disk ovf:fileRef="file9"/> --><DiskSection><Info>x</Info>${disks.map((disk, index) => `<Disk ovf:capacity="4" ovf:diskId="vmdisk${index}" ${disk}/>`).join('')}</DiskSection>\n</Envelope>\n`,
  );
}

type Member = { name: string; bytes: Buffer; change?: (header: Buffer) => void };

/** A tar as VMware's and VirtualBox's tools write it. */
export function archive(members: readonly Member[], { end = Buffer.alloc(2 * block) }: { end?: Buffer } = {}): Buffer {
  return Buffer.concat([...members.flatMap(({ name, bytes, change }) => [headerOf(name, bytes.length, change), bytes, Buffer.alloc((block - (bytes.length % block)) % block)]), end]);
}

function headerOf(name: string, size: number, change: (header: Buffer) => void = () => undefined): Buffer {
  const header = Buffer.alloc(block);
  header.write(name, 0, 'latin1');
  header.write('0000644\0', 100, 'latin1');
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.write('00000000000\0', 136, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  change(header);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

type Parts = { ovf?: Buffer; disk?: Buffer; disks?: Member[] };

export function soundArchive({ ovf = description(), disk = soundVmdk(), disks = [{ name: 'disk.vmdk', bytes: disk }] }: Parts = {}): Buffer {
  return archive([{ name: 'machine.ovf', bytes: ovf }, { name: 'machine.mf', bytes: Buffer.from('SHA256(disk.vmdk)= 00\n') }, ...disks]);
}

const two = [{ id: 'file1', href: 'disk.vmdk' }, { id: 'file2', href: 'other.vmdk' }];

/** As `qemu-img` and others could never tell which one is meant. */
export function archiveOfTwo(): Buffer {
  return soundArchive({ ovf: description({ files: two, disks: ['fileRef="file1"', 'fileRef="file2"'] }), disks: [{ name: 'disk.vmdk', bytes: soundVmdk() }, { name: 'other.vmdk', bytes: soundVmdk() }] });
}

type Hostile = { name: string; bytes: Buffer; reason: RegExp };
const described = (name: string, wish: Parameters<typeof description>[0], reason: RegExp): Hostile => ({ name, bytes: soundArchive({ ovf: description(wish) }), reason });
const withHeader = (name: string, change: (header: Buffer) => void, reason: RegExp): Hostile => ({ name, bytes: archive([{ name: 'machine.ovf', bytes: description() }, { name: 'disk.vmdk', bytes: soundVmdk(), change }]), reason });

export const hostileArchives: readonly Hostile[] = [
  ...hostileForeign.filter(({ declared }) => declared === 'vmdk').slice(0, 3).map(({ name, bytes, reason }) => ({ name: `has a disk that ${name}`, bytes: soundArchive({ disk: bytes }), reason })),
  { name: 'has a bad disk beside a good one', bytes: soundArchive({ ovf: description({ files: two, disks: ['fileRef="file1"', 'fileRef="file2"'] }), disks: [{ name: 'disk.vmdk', bytes: soundVmdk() }, { name: 'other.vmdk', bytes: hostileForeign[0]!.bytes }] }), reason: /other files/ },
  { name: 'has a disk that is no VMDK', bytes: soundArchive({ disk: Buffer.alloc(4096, 7) }), reason: /vmdk does not match stream data raw/ },
  { name: 'is a disk', bytes: soundVmdk(), reason: /does not match stream data vmdk/ },
  { name: 'is nothing but zeros', bytes: Buffer.alloc(10_240), reason: /does not begin with the description/ },
  { name: 'is text', bytes: Buffer.alloc(10_240, 'text'), reason: /no sound tar/ },
  { name: 'begins with a disk', bytes: archive([{ name: 'disk.vmdk', bytes: soundVmdk() }, { name: 'machine.ovf', bytes: description() }]), reason: /does not begin with the description/ },
  { name: 'has no end', bytes: archive([{ name: 'machine.ovf', bytes: description() }, { name: 'disk.vmdk', bytes: soundVmdk() }], { end: Buffer.alloc(0) }), reason: /cut off/ },
  { name: 'has something behind its end', bytes: Buffer.concat([soundArchive(), Buffer.from('x')]), reason: /behind the end/ },
  { name: 'has a file twice', bytes: archive([{ name: 'machine.ovf', bytes: description() }, { name: 'disk.vmdk', bytes: soundVmdk() }, { name: 'disk.vmdk', bytes: soundVmdk() }]), reason: /two files of one name/ },
  { name: 'has a thousand files', bytes: archive([{ name: 'machine.ovf', bytes: description() }, ...Array.from({ length: 1000 }, (_, index) => ({ name: String(index), bytes: Buffer.alloc(0) }))]), reason: /more than 256/ },
  withHeader('has a link for a disk', (header) => { header.write('2', 156, 'latin1'); header.write('/etc/shadow', 157, 'latin1'); }, /plain files/),
  withHeader('has a header that says how to read the next', (header) => header.write('x', 156, 'latin1'), /plain files/),
  withHeader('has a file above it', (header) => header.write('../disk.vmdk\0', 0, 'latin1'), /not directly in it/),
  withHeader('has a file at the root', (header) => header.write('/etc/shadow\0', 0, 'latin1'), /not directly in it/),
  withHeader('has a file in another folder', (header) => header.write('etc', 345, 'latin1'), /plain files/),
  withHeader('has a disk of 8 GiB that is not there', (header) => header.write('77777777777\0', 124, 'latin1'), /cut off/),
  withHeader('has a disk of 16 exbibytes', (header) => { header.fill(0xff, 124, 136); header[124] = 0x80; }, /cut off/),
  withHeader('has a disk of less than nothing', (header) => header.write('-0000000001\0', 124, 'latin1'), /no sound tar/),
  { name: 'has a wrong sum', bytes: (() => { const bytes = soundArchive(); bytes[0] = 0x4d; return bytes; })(), reason: /no sound tar/ },
  { name: 'has a description of two mebibytes', bytes: soundArchive({ ovf: Buffer.alloc(2 ** 21, ' ') }), reason: /too large/ },
  { name: 'has a description that never ends', bytes: soundArchive({ ovf: Buffer.from(`<!--${'<File '.repeat(100_000)}`) }), reason: /cut off/ },
  { name: 'has a description of attributes without end', bytes: soundArchive({ ovf: Buffer.from(`<File ${'a '.repeat(200_000)}${'\t'.repeat(200_000)}/><Disk ${'fileRef'.repeat(50_000)}/>`) }), reason: /names no disk/ },
  described('names /etc/shadow as its disk', { files: [{ id: 'file1', href: '/etc/shadow' }] }, /outside of the archive/),
  described('names a server as its disk', { files: [{ id: 'file1', href: 'http://169.254.169.254/' }] }, /outside of the archive/),
  described('names a disk that is not in it', { files: [{ id: 'file1', href: 'none.vmdk' }] }, /not in the archive/),
  described('names its description as its disk', { files: [{ id: 'file1', href: 'machine.ovf' }] }, /not in the archive/),
  described('names one disk twice', { disks: ['fileRef="file1"', 'fileRef="file1"'] }, /two disks in one file/),
  described('names no disk', { disks: [] }, /names no disk/),
  described('has a disk without a file', { disks: ['fileRef="file9"'] }, /without a file/),
  described('has a disk with a parent', { disks: ['fileRef="file1" parentRef="vmdisk0"'] }, /backing file/),
  described('has a packed disk', { files: [{ id: 'file1', href: 'disk.vmdk', more: 'ovf:compression="gzip"' }] }, /compressed/),
  described('has a disk in parts', { files: [{ id: 'file1', href: 'disk.vmdk', more: 'ovf:chunkSize="10"' }] }, /compressed or cut/),
  described('has a document type', { more: '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/shadow">]>' }, /document type/),
];
