/** Turns a file of another maker's format that has been judged into a qcow2 of ours. */
import { closeSync, openSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { Fault } from '../../../kit/fault.ts';
import { writeQcow2, type Chunk } from '../../../kit/qcow2.ts';
import { openDescriptor, UnsafeImage, type DiskFile } from './disk-file.ts';
import { bytesOf } from './foreign-disk.ts';
import { readForeign, type ForeignFormat } from './foreign-formats.ts';

type Conversion = { format: ForeignFormat; limits: { maxBytes: number; maxVirtualSizeBytes: number }; signal?: AbortSignal | undefined };

/** Only what the inspection also knows is read: whatever is wrong with the file is told in the same words. */
export async function convertForeign(from: string, to: string, { format, limits, signal }: Conversion): Promise<void> {
  const descriptor = openSync(from, 'r');
  try {
    const file = openDescriptor(descriptor);
    const disk = readForeign(file, format, limits);
    await writeQcow2(to, disk.virtualSizeBytes, chunks(file, disk.pieces, { maxBytes: limits.maxBytes, signal }));
  } catch (error) {
    // glance/api/v2/image_data.py: InvalidImageData is told as 415.
    if (error instanceof UnsafeImage) throw new Fault(415, 'HTTPUnsupportedMediaType', error.message, { cause: error });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

async function* chunks(file: DiskFile, pieces: ReturnType<typeof readForeign>['pieces'], { maxBytes, signal }: { maxBytes: number; signal: AbortSignal | undefined }): AsyncGenerator<Chunk> {
  let total = 0;
  for (const piece of pieces) {
    signal?.throwIfAborted();
    const bytes = bytesOf(file, piece);
    total += bytes.length;
    if (total > maxBytes) throw new UnsafeImage(`There are more than the ${maxBytes} bytes that are allowed in the image.`);
    yield { offset: piece.diskOffset, bytes };
    // Reading and unpacking hold the process: others have their turn.
    await setImmediate();
  }
}
