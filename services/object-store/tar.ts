/** Files of a tar archive, one after another: POSIX ustar and pax, and GNU's long names. */
import type { ByteReader } from './byte-reader.ts';

export type TarEntry = { name: string; isFile: boolean; sizeBytes: number; /** Of pax: `SCHILY.xattr.user.mime_type`, … */ attributes: ReadonlyMap<string, string>; read(): AsyncGenerator<Buffer> };

/** It is no tar archive, or ends in the middle. */
export class NoTar extends Error {
  override name = 'NoTar';
}

const block = 512;
const mostNameBytes = 64 * 1024;

/** The bytes of an entry that nobody reads are passed over. */
export async function* tarEntries(reader: ByteReader): AsyncGenerator<TarEntry> {
  let attributes = new Map<string, string>();
  let longName: string | undefined;
  for (;;) {
    const header = await reader.take(block);
    if (header.every((byte) => byte === 0)) return;
    if (header.length < block) throw new NoTar('The archive ends in the middle of a header');
    if (!isSound(header)) throw new NoTar('A header of the archive does not add up');
    const type = String.fromCharCode(header[156]!);
    const sizeBytes = Number(attributes.get('size') ?? numberAt(header, 124, 12));
    if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
      if (sizeBytes > mostNameBytes) throw new NoTar('A name in the archive is too long');
      const text = (await reader.take(sizeBytes)).toString('utf8');
      await reader.take(paddingOf(sizeBytes));
      if (type === 'x') attributes = paxOf(text);
      if (type === 'L') longName = text.replace(/\0.*$/s, '');
      continue;
    }
    const prefix = header.toString('latin1', 257, 262) === 'ustar' ? textAt(header, 345, 155) : '';
    const name = attributes.get('path') ?? longName ?? (prefix === '' ? textAt(header, 0, 100) : `${prefix}/${textAt(header, 0, 100)}`);
    let isRead = false;
    yield {
      name,
      isFile: type === '0' || type === '\0',
      sizeBytes,
      attributes,
      read() {
        isRead = true;
        return reader.pieces(sizeBytes);
      },
    };
    if (!isRead) for await (const _ of reader.pieces(sizeBytes));
    await reader.take(paddingOf(sizeBytes));
    [attributes, longName] = [new Map(), undefined];
  }
}

function isSound(header: Buffer): boolean {
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  return sum === numberAt(header, 148, 8);
}

/** Octal, or binary where the first bit says so. */
function numberAt(header: Buffer, begin: number, length: number): number {
  if ((header[begin]! & 0x80) !== 0) return Number(BigInt(`0x${header.toString('hex', begin + 1, begin + length)}`));
  return Number.parseInt(textAt(header, begin, length).trim() || '0', 8);
}

function textAt(header: Buffer, begin: number, length: number): string {
  return header.toString('utf8', begin, begin + length).replace(/\0.*$/s, '');
}

function paddingOf(size: number): number {
  return (block - (size % block)) % block;
}

/** `<length> <name>=<value>\n`, the length in bytes. */
function paxOf(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    const length = Number(/^\d+(?= )/.exec(rest.toString('utf8'))?.[0]);
    if (!(length > 0)) return found;
    const record = rest.toString('utf8', 0, length).replace(/^\d+ /, '').replace(/\n$/, '');
    const equals = record.indexOf('=');
    if (equals > 0) found.set(record.slice(0, equals), record.slice(equals + 1));
    rest = rest.subarray(length);
  }
  return found;
}
