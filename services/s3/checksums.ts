/** Checksums that clients send with what they write, and ask for with what they read. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Crc32c, Crc64Nvme } from './cyclic-codes.ts';

export const algorithms = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;
export type Algorithm = (typeof algorithms)[number];

/** Of all bytes in a row, or of the checksums of its parts. */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

/** As it is kept and shown; that of parts ends with their number. */
export type Checksum = { algorithm: Algorithm; value: string; type: ChecksumType };

export type Hasher = { update(bytes: Uint8Array): void; digest(): Buffer };

export function hasherOf(algorithm: Algorithm): Hasher {
  switch (algorithm) {
    case 'CRC32':
      return plainCrc();
    case 'CRC32C':
      return new Crc32c();
    case 'CRC64NVME':
      return new Crc64Nvme();
    case 'SHA1':
    case 'SHA256':
      return createHash(algorithm.toLowerCase());
    default:
      return algorithm satisfies never;
  }
}

export function algorithmNamed(name: string): Algorithm | undefined {
  return algorithms.find((each) => each === name.toUpperCase());
}

/** How many bytes the value of one has. */
export function lengthOf(algorithm: Algorithm): number {
  return { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 }[algorithm];
}

export const headerOf = (algorithm: Algorithm) => `x-amz-checksum-${algorithm.toLowerCase()}`;

/** The name of its element. */
export const elementOf = (algorithm: Algorithm) => `Checksum${algorithm}`;

export function isCyclic(algorithm: Algorithm): boolean {
  return algorithm.startsWith('CRC');
}

/** The checksum of an object from those of its parts. */
export function checksumOfParts(algorithm: Algorithm, type: ChecksumType, parts: readonly { value: string; sizeBytes: number }[]): Checksum {
  const values = parts.map(({ value }) => Buffer.from(value, 'base64'));
  if (type === 'FULL_OBJECT') {
    const whole = parts.slice(1).reduce<Buffer>((sum, { sizeBytes }, index) => joined(algorithm, sum, values[index + 1]!, sizeBytes), values[0]!);
    return { algorithm, type, value: whole.toString('base64') };
  }
  const hash = hasherOf(algorithm);
  for (const value of values) hash.update(value);
  return { algorithm, type, value: `${hash.digest().toString('base64')}-${parts.length}` };
}

const polynomials: Partial<Record<Algorithm, { width: bigint; polynomial: bigint }>> = {
  CRC32: { width: 32n, polynomial: 0xedb88320n },
  CRC32C: { width: 32n, polynomial: 0x82f63b78n },
  CRC64NVME: { width: 64n, polynomial: 0x9a6c9329ac4bc9b5n },
};

/** Of two pieces in a row: what zlib does in crc32_combine. */
function joined(algorithm: Algorithm, first: Buffer, second: Buffer, secondBytes: number): Buffer {
  const { width, polynomial } = polynomials[algorithm]!;
  const times = (one: bigint, other: bigint): bigint => {
    let [product, shifted] = [0n, other];
    for (let bit = 1n << (width - 1n); bit > 0n; bit >>= 1n) {
      if ((one & bit) !== 0n) product ^= shifted;
      shifted = (shifted & 1n) === 0n ? shifted >> 1n : (shifted >> 1n) ^ polynomial;
    }
    return product;
  };
  let power = 1n << (width - 1n);
  for (let [square, left] = [1n << (width - 2n), BigInt(secondBytes) * 8n]; left > 0n; left >>= 1n, square = times(square, square)) if ((left & 1n) === 1n) power = times(power, square);
  const whole = times(power, BigInt(`0x${first.toString('hex')}`)) ^ BigInt(`0x${second.toString('hex')}`);
  return Buffer.from(whole.toString(16).padStart(Number(width) / 4, '0'), 'hex');
}

function plainCrc(): Hasher {
  let sum = 0;
  return {
    update(bytes) {
      sum = crc32(bytes, sum);
    },
    digest() {
      const value = Buffer.alloc(4);
      value.writeUInt32BE(sum);
      return value;
    },
  };
}
