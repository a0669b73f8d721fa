/**
 * The bytes of objects in a bucket of somebody's S3. A bucket renames nothing, so bytes come to where they stay; which ones
 * are on their way is noted in the region's database before the first of them leaves, and the sweep goes by those notes.
 */
import { explanationOf } from '../../contract/object-store/reasons.ts';
import type { Clock } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import type { Log } from '../../kit/log.ts';
import type { Database } from '../../kit/postgres/database.ts';
import { BucketFailure, type Bucket } from '../../kit/s3/bucket.ts';
import { deleteArrival, isArriving, noteArrival, selectArrivalsBefore } from './arrivals.store.ts';
import type { ObjectBodies } from './bodies.ts';
import { demandUndamaged, haveHash, lengthOfPiece, missing, pieceBytes, plain, tally, tooShort, within, type Body, type Span, type Sums } from './body-sums.ts';
import { keepingSmall } from './small-bodies.ts';

type Parts = { bucket: Bucket; database: Database; clock: Clock; log: Log; /** How much of an upload is in memory: of two parts, one that comes and one that goes. */ partBytes?: number };

const arriving = { kind: 'system', reason: 'bytes arrive' } as const;
/** Far more often than the sweep gives an upload up. */
const notedEveryMs = 60_000;
const usualPartBytes = 8 * 1024 * 1024;
/** How often in a row a download may break off without a piece in between. */
const mostBreaks = 3;

export function bucketObjectBodies({ bucket, database, clock, log, partBytes = usualPartBytes }: Parts): ObjectBodies {
  const note = (file: string) => database.transaction(arriving, (tx) => noteArrival(tx, file, clock.now()));

  async function bring(file: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, limitBytes: number): Promise<Sums> {
    const sums = tally(limitBytes);
    const upload = uploadTo(bucket, file);
    let [part, inPart, notedAt]: [Uint8Array[], number, number] = [[], 0, clock.now().getTime()];
    try {
      for await (const chunk of chunks) {
        sums.admit(chunk);
        sums.add(chunk);
        part.push(chunk);
        inPart += chunk.length;
        if (inPart >= partBytes) {
          await upload.send(part);
          [part, inPart] = [[], 0];
        }
        if (clock.now().getTime() - notedAt >= notedEveryMs) {
          await note(file);
          notedAt = clock.now().getTime();
        }
      }
      await upload.finish(part);
    } finally {
      await upload.settled();
    }
    return sums.sums();
  }

  async function remove(file: string): Promise<void> {
    // Only what was never whole can have parts: of all else there is no note any more.
    const isNoted = await database.read(arriving, (tx) => isArriving(tx, plain(file)));
    if (isNoted) for (const upload of await bucket.uploadsOf(file)) await bucket.removeUpload(file, upload);
    await bucket.remove(file);
    if (isNoted) await database.transaction(arriving, (tx) => deleteArrival(tx, file));
  }

  async function* read(body: Body, span: Span = { first: 0, last: body.sizeBytes - 1 }): AsyncGenerator<Buffer> {
    if (body.sizeBytes === 0 || span.last < span.first) return;
    const end = Math.floor(span.last / pieceBytes);
    for (let piece = Math.floor(span.first / pieceBytes), breaks = 0; piece <= end; ) {
      try {
        for await (const bytes of piecesOf(bucket, body, { first: piece, last: end })) {
          yield within(bytes, piece, span);
          piece++;
          breaks = 0;
        }
      } catch (error) {
        // A reader may be slower than the store is patient: it goes on where it broke off.
        if (!(error instanceof BucketFailure)) throw error;
        if (error.status !== 0 || ++breaks > mostBreaks) throw unavailable(error);
      }
    }
  }

  return keepingSmall({
    async receive(chunks, { id, limitBytes }) {
      await note(plain(id));
      try {
        return { file: id, ...(await bring(id, chunks, limitBytes)) };
      } catch (error) {
        await remove(id).catch((cause: unknown) => log.warn({ err: cause, file: id }, 'an upload that failed is left to the sweep'));
        throw error instanceof BucketFailure ? unavailable(error) : error;
      }
    },
    async keep(file) {
      await database.transaction(arriving, (tx) => deleteArrival(tx, plain(file)));
    },
    remove,
    read,
    incomingBefore: (moment) => database.read(arriving, (tx) => selectArrivalsBefore(tx, moment)),
    sizeOf: (file) => bucket.sizeOf(plain(file)),
    isWhole: (body, sha256) => haveHash(read(body), sha256),
  });
}

function unavailable(cause: BucketFailure): Fault {
  return new Fault(503, 'ServiceUnavailable', explanationOf(503), { cause });
}

/** One request where all fits into a part; else a part goes while the next one comes. */
function uploadTo(bucket: Bucket, file: string) {
  let upload: string | undefined;
  let sending: Promise<unknown> = Promise.resolve();
  const etags: string[] = [];
  const put = async (id: string, number: number, bytes: readonly Uint8Array[]) => void (etags[number - 1] = await bucket.putPart(file, id, number, bytes));

  async function send(bytes: readonly Uint8Array[]): Promise<void> {
    await sending;
    upload ??= await bucket.beginUpload(file);
    const number = etags.length + 1;
    sending = put(upload, number, bytes);
    // Whoever goes on hears of it; whoever fails meanwhile fails for his own reason.
    sending.catch(() => undefined);
  }

  return {
    send,
    async finish(rest: readonly Uint8Array[]): Promise<void> {
      if (upload === undefined) return bucket.put(file, rest);
      if (rest.length > 0) await send(rest);
      await sending;
      await bucket.completeUpload(file, upload, etags);
    },
    settled: () => Promise.allSettled([sending]),
  };
}

/** In one request, however many; each is verified before it is handed out. */
async function* piecesOf(bucket: Bucket, body: Body, { first, last }: Span): AsyncGenerator<Buffer> {
  const found = await bucket.read(plain(body.file), { first: first * pieceBytes, last: Math.min((last + 1) * pieceBytes, body.sizeBytes) - 1 });
  if (!found) throw missing(body.file);
  let [piece, filled] = [first, 0];
  let bytes = Buffer.allocUnsafe(lengthOfPiece(piece, body.sizeBytes));
  for await (let chunk of found) {
    while (chunk.length > 0 && piece <= last) {
      const taken = chunk.copy(bytes, filled);
      filled += taken;
      chunk = chunk.subarray(taken);
      if (filled < bytes.length) continue;
      demandUndamaged(bytes, piece, body);
      yield bytes;
      piece++;
      filled = 0;
      if (piece <= last) bytes = Buffer.allocUnsafe(lengthOfPiece(piece, body.sizeBytes));
    }
  }
  if (piece <= last) throw tooShort(body, piece * pieceBytes + filled);
}
