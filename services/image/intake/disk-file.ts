/** Bytes that nobody has vouched for, read by place. */
import { fstatSync, readSync } from 'node:fs';

export type DiskFile = {
  readonly sizeBytes: number;
  /** The bytes at this place; fewer where the file ends. */
  read(offset: number, length: number): Buffer;
};

/** What is wrong with an image, in words for the person who uploads it. */
export class UnsafeImage extends Error {
  override name = 'UnsafeImage';
}

export function openDescriptor(descriptor: number): DiskFile {
  return {
    sizeBytes: fstatSync(descriptor).size,
    read(offset, length) {
      const bytes = Buffer.alloc(length);
      let done = 0;
      while (done < length) {
        const count = readSync(descriptor, bytes, done, length - done, offset + done);
        if (count === 0) break;
        done += count;
      }
      return bytes.subarray(0, done);
    },
  };
}

export function inMemory(bytes: Buffer): DiskFile {
  return { sizeBytes: bytes.length, read: (offset, length) => bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + length, bytes.length)) };
}
