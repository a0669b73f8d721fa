/** Bodies in pieces that are signed one by one, or followed by a checksum: sigv4-streaming and sigv4-streaming-trailers of the reference. */
import { createHash, createHmac } from 'node:crypto';
import { scopeText } from '../../kit/s3/signing.ts';
import { ByteReader, EndedEarly } from '../object-store/byte-reader.ts';
import type { Proven } from './identification.ts';
import { refused } from './refusals.ts';

export type ChunkedKind = { isSigned: boolean; hasTrailer: boolean };

/** What `x-amz-content-sha256` says; undefined: the body comes as it is. */
export function chunkedKindOf(payload: string): ChunkedKind | undefined {
  if (!payload.startsWith('STREAMING-')) return undefined;
  if (payload === 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD') return { isSigned: true, hasTrailer: false };
  if (payload === 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER') return { isSigned: true, hasTrailer: true };
  if (payload === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') return { isSigned: false, hasTrailer: true };
  throw refused('NotImplemented', `Bodies of the kind ${payload.slice(0, 60)} are not implemented.`);
}

const endedUnexpectedly = 'The request body terminated unexpectedly';
const mostLineBytes = 8 * 1024;
const mostTrailers = 10;
const emptyHash = createHash('sha256').digest('hex');

type Chunked = { kind: ChunkedKind; proof: Proven; decodedBytes: number; /** What is to follow the body, and nothing else. */ announced: readonly string[]; trailers: Map<string, string> };

/** The bytes themselves; `trailers` is filled when all have come. */
export async function* unchunked(body: AsyncIterable<Uint8Array>, { kind, proof, decodedBytes, announced, trailers }: Chunked): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(body);
  const sign = (algorithm: string, before: string, ...hashes: string[]) => createHmac('sha256', proof.key).update([algorithm, proof.date, scopeText(proof.scope), before, ...hashes].join('\n')).digest('hex');
  let before = proof.signature;
  let total = 0;
  try {
    for (;;) {
      const [, size, signature] = /^([0-9a-f]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?$/i.exec(await lineOf(reader)) ?? [];
      if (size === undefined || (kind.isSigned && signature === undefined)) throw refused('IncompleteBody', endedUnexpectedly);
      const length = Number.parseInt(size, 16);
      total += length;
      if (total > decodedBytes) throw refused('IncompleteBody');
      const hash = kind.isSigned ? createHash('sha256') : undefined;
      for await (const piece of reader.pieces(length)) {
        hash?.update(piece);
        yield piece;
      }
      if (hash) {
        const right = sign('AWS4-HMAC-SHA256-PAYLOAD', before, emptyHash, hash.digest('hex'));
        if (right !== signature) throw refused('SignatureDoesNotMatch');
        before = right;
      }
      if (length === 0) break;
      if ((await lineOf(reader)) !== '') throw refused('IncompleteBody', endedUnexpectedly);
    }
    if (kind.hasTrailer) await readTrailers();
    else if ((await reader.take(2)).toString('latin1').replace('\r\n', '') !== '') throw refused('IncompleteBody');
  } catch (error) {
    if (error instanceof EndedEarly) throw refused('IncompleteBody', endedUnexpectedly, { cause: error });
    throw error;
  }
  if (total !== decodedBytes) throw refused('IncompleteBody');

  async function readTrailers(): Promise<void> {
    let signed = '';
    let signature: string | undefined;
    // Some clients leave out the empty line at the end.
    while (!(await reader.isOver())) {
      const line = await lineOf(reader);
      if (line === '') break;
      const [, name = '', value = ''] = /^([\w-]+):\s*(.*?)\s*$/.exec(line) ?? [];
      if (name === '' || trailers.size >= mostTrailers) throw refused('MalformedTrailerError');
      if (name.toLowerCase() === 'x-amz-trailer-signature') signature = value;
      else {
        trailers.set(name.toLowerCase(), value);
        signed += `${name.toLowerCase()}:${value}\n`;
      }
    }
    // A checksum that was announced and did not come is no checksum.
    if (announced.length !== trailers.size || announced.some((name) => !trailers.has(name))) throw refused('MalformedTrailerError');
    if (kind.isSigned && signature !== sign('AWS4-HMAC-SHA256-TRAILER', before, createHash('sha256').update(signed).digest('hex'))) throw refused('SignatureDoesNotMatch');
  }
}

async function lineOf(reader: ByteReader): Promise<string> {
  let line = '';
  for await (const piece of reader.upTo(endOfLine)) {
    line += piece.toString('latin1');
    if (line.length > mostLineBytes) throw refused('IncompleteBody', endedUnexpectedly);
  }
  return line;
}

const endOfLine = Buffer.from('\r\n');
