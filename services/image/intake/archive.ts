/**
 * OVA: an archive with the description of a machine, and its disks. DMTF DSP0243, Open Virtualization Format 2.1.
 *
 * Of the archive only what every program reads alike is taken: plain USTAR, flat names, each once. Of the description only
 * where the disks are is read; what it says of the machine is for nobody here.
 */
import { UnsafeImage, type DiskFile } from './disk-file.ts';

/** A disk of the archive: where it is in the file. */
export type Extent = { offset: number; bytes: number };

type Member = Extent & { name: string };

const block = 512;
const mostMembers = 256;
const mostDescriptionBytes = 2 ** 20;
const mostDisks = 64;

/** The disks that the description names, in its order; those that begin empty are none. */
export function readArchive(file: DiskFile): Extent[] {
  const members = readMembers(file);
  const [first] = members;
  // The description comes first, so that it can be read from a stream.
  if (first === undefined || !/\.ovf$/i.test(first.name)) throw new UnsafeImage('The archive is no OVA: it does not begin with the description of a machine (.ovf).');
  if (first.bytes > mostDescriptionBytes) throw new UnsafeImage('The description of the machine is too large.');
  const byName = new Map(members.map((member) => [member.name, member]));
  const disks = disksOf(new TextDecoder().decode(file.read(first.offset, first.bytes)));
  if (disks.length === 0) throw new UnsafeImage('The description of the machine names no disk.');
  if (new Set(disks).size < disks.length) throw new UnsafeImage('The description of the machine has two disks in one file.');
  return disks.map((name) => {
    const member = byName.get(name);
    if (!member || member === first) throw new UnsafeImage('The description of the machine names a file that is not in the archive.');
    return { offset: member.offset, bytes: member.bytes };
  });
}

/** What is there, as if it were a file of its own. */
export function windowOf(file: DiskFile, { offset, bytes }: Extent): DiskFile {
  return { sizeBytes: bytes, read: (from, length) => (from < 0 || from >= bytes ? Buffer.alloc(0) : file.read(offset + from, Math.min(length, bytes - from))) };
}

// The archive

function readMembers(file: DiskFile): Member[] {
  const members: Member[] = [];
  for (let at = 0; ; ) {
    const header = file.read(at, block);
    if (header.length < block) throw new UnsafeImage('The archive is cut off.');
    if (header.every((byte) => byte === 0)) {
      demandEnd(file, at);
      return members;
    }
    const member = memberAt(header, at + block);
    if (member.offset + member.bytes > file.sizeBytes) throw new UnsafeImage('The archive is cut off.');
    if (members.some(({ name }) => name === member.name)) throw new UnsafeImage('The archive has two files of one name.');
    members.push(member);
    if (members.length > mostMembers) throw new UnsafeImage(`The archive has more than ${mostMembers} files.`);
    at = member.offset + Math.ceil(member.bytes / block) * block;
  }
}

/** POSIX.1-1988, ustar; GNU's larger sizes too. Whatever changes how the next header is read is refused. */
function memberAt(header: Buffer, offset: number): Member {
  const text = (from: number, length: number) => header.toString('latin1', from, from + length).replace(/\0[^]*$/, '');
  let sum = 8 * 0x20;
  for (let index = 0; index < block; index++) if (index < 148 || index >= 156) sum += header[index]!;
  if (!/^[0-7 ]+$/.test(text(148, 8)) || Number.parseInt(text(148, 8).trim(), 8) !== sum) throw new UnsafeImage('The archive is no OVA: it is no sound tar.');
  const kind = header[156]!;
  if ((kind !== 0 && kind !== 0x30) || !header.toString('latin1', 257, 262).startsWith('ustar') || header[345] !== 0) throw new UnsafeImage('The archive is no OVA: it has to be a plain tar (ustar) of plain files.');
  const name = text(0, 100);
  if (!/^[^/\\]+$/.test(name) || name === '.' || name === '..') throw new UnsafeImage('A file of the archive is not directly in it.');
  return { name, offset, bytes: sizeIn(header.subarray(124, 136)) };
}

function sizeIn(field: Buffer): number {
  if (field[0] === 0x80) {
    const bytes = field.readBigUInt64BE(4);
    if (field.subarray(1, 4).some((byte) => byte !== 0) || bytes > BigInt(Number.MAX_SAFE_INTEGER)) throw new UnsafeImage('The archive is cut off.');
    return Number(bytes);
  }
  const octal = field.toString('latin1').replace(/[\0 ]+$/, '').trimStart();
  if (!/^[0-7]+$/.test(octal)) throw new UnsafeImage('The archive is no OVA: it is no sound tar.');
  return Number.parseInt(octal, 8);
}

/** Behind the end there is nothing that another program could find. */
function demandEnd(file: DiskFile, at: number): void {
  const rest = file.sizeBytes - at;
  if (rest > 2 ** 20 || !file.read(at, rest).every((byte) => byte === 0)) throw new UnsafeImage('Something is behind the end of the archive.');
}

// The description

/** The names of the files of its disks. */
function disksOf(text: string): string[] {
  // Entities could say anything, and other files.
  if (/<!(DOCTYPE|ENTITY)/i.test(text) || text.includes('<![CDATA[')) throw new UnsafeImage('The description of the machine has a document type, or text that is not read.');
  const plain = withoutComments(text);
  const files = new Map(elements(plain, 'File').map((file) => [file['id'] ?? '', file]));
  const disks = elements(plain, 'Disk').filter(({ fileRef }) => fileRef !== undefined);
  if (disks.length > mostDisks) throw new UnsafeImage(`The description of the machine has more than ${mostDisks} disks.`);
  return disks.map(({ fileRef, parentRef }) => {
    if (parentRef !== undefined) throw new UnsafeImage('A disk of the archive has a backing file.');
    const { href = '', compression = '', chunkSize } = files.get(fileRef!) ?? {};
    if (href === '') throw new UnsafeImage('The description of the machine has a disk without a file.');
    if (/[/\\:]/.test(href)) throw new UnsafeImage('The description of the machine names files outside of the archive.');
    if ((compression !== '' && compression !== 'identity') || chunkSize !== undefined) throw new UnsafeImage('A disk of the archive is compressed or cut into parts: only whole ones are taken.');
    return href;
  });
}

function withoutComments(text: string): string {
  let plain = '';
  for (let at = 0; ; ) {
    const start = text.indexOf('<!--', at);
    if (start < 0) return plain + text.slice(at);
    const end = text.indexOf('-->', start + 4);
    if (end < 0) throw new UnsafeImage('The description of the machine is cut off.');
    plain += text.slice(at, start);
    at = end + 3;
  }
}

/** The attributes of all elements of this name, whatever their prefixes are. */
function elements(text: string, name: string): Record<string, string>[] {
  return [...text.matchAll(new RegExp(`<(?:[A-Za-z_][\\w.-]*:)?${name}(\\s[^<>]*)?>`, 'g'))].map(([, attributes = '']) =>
    Object.fromEntries([...attributes.matchAll(/(?:[A-Za-z_][\w.-]{0,60}:)?([A-Za-z]{1,40})\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].map(([, key = '', double, single]) => [key, (double ?? single ?? '').trim()])),
  );
}
