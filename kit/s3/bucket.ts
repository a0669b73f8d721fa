/** A bucket of somebody's object store, and what of S3's API keeping bytes there takes. */
import { createHash } from 'node:crypto';
import { Agent as PlainAgent, request as plainRequest, type IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { canonicalQuery, encoded, signed, type Key } from './signing.ts';

/** Where it is; `prefix` is what all names in it begin with. */
export type BucketPlace = { endpoint: string; region: string; bucket: string; prefix: string };

export type Bucket = {
  put(name: string, bytes: readonly Uint8Array[]): Promise<void>;
  /** Its bytes from the first to the last one as they come; undefined: nothing of this name goes so far. Breaking off takes no more. */
  read(name: string, span: { first: number; last: number }): Promise<AsyncGenerator<Buffer> | undefined>;
  sizeOf(name: string): Promise<number | undefined>;
  /** Twice is once. */
  remove(name: string): Promise<void>;
  beginUpload(name: string): Promise<string>;
  /** All but the last one have at least 5 MiB. Answers by what it is named when the upload is completed. */
  putPart(name: string, upload: string, number: number, bytes: readonly Uint8Array[]): Promise<string>;
  completeUpload(name: string, upload: string, etags: readonly string[]): Promise<void>;
  /** Those that were begun for this name and neither completed nor removed. */
  uploadsOf(name: string): Promise<string[]>;
  /** Twice is once. */
  removeUpload(name: string, upload: string): Promise<void>;
  close(): void;
};

/** The store does not answer, or not as it should: `status` is 0 when nothing came. */
export class BucketFailure extends Error {
  override name = 'BucketFailure';
  readonly status: number;
  readonly code: string;

  constructor(message: string, { status, code, cause }: { status: number; code: string; cause?: unknown }) {
    super(message, { cause });
    this.status = status;
    this.code = code;
  }
}

type Wish = { method: string; name: string; query?: [string, string][]; headers?: Record<string, string>; bytes?: readonly Uint8Array[]; /** Asking again does no more than asking once. */ isRepeatable: boolean };

/** What a store says nothing for so long, it does not say. */
const silentMs = 30_000;
const attempts = 4;
const firstPauseMs = 50;
const mostWords = 1024 * 1024;

export function openBucket({ endpoint, region, bucket, prefix }: BucketPlace, key: Key, clock: Clock): Bucket {
  const { protocol, host, hostname, port, pathname } = new URL(endpoint);
  const isSecure = protocol === 'https:';
  const agent = isSecure ? new SecureAgent({ keepAlive: true }) : new PlainAgent({ keepAlive: true });
  const pathOf = (name: string) => [pathname.replace(/\/$/, ''), bucket, ...`${prefix}${name}`.split('/').map(encoded)].join('/');

  /** Resolves with its head; who takes it reads or destroys the rest. */
  function send({ method, name, query = [], headers = {}, bytes = [] }: Wish): Promise<IncomingMessage> {
    const hash = createHash('sha256');
    for (const each of bytes) hash.update(each);
    const path = name === '' ? `${pathname.replace(/\/$/, '')}/${bucket}` : pathOf(name);
    const length: Record<string, string> = method === 'PUT' || method === 'POST' ? { 'content-length': String(bytes.reduce((sum, each) => sum + each.length, 0)) } : {};
    const all = signed(key, { method, path, query, host, headers: { ...headers, ...length }, payload: hash.digest('hex'), region, now: clock.now() });
    return new Promise((resolve, reject) => {
      const asked = (isSecure ? secureRequest : plainRequest)({ agent, hostname: hostname.replaceAll(/[[\]]/g, ''), port, method, path: query.length === 0 ? path : `${path}?${canonicalQuery(query)}`, headers: all });
      asked.setTimeout(silentMs, () => asked.destroy(new Error(`${host} was silent for ${silentMs} ms`)));
      asked.once('error', reject);
      asked.once('response', (reply) => {
        // From now on it is the reader who may be slow.
        asked.setTimeout(0);
        resolve(reply);
      });
      for (const each of bytes) asked.write(each);
      asked.end();
    });
  }

  /** What was asked for, or undefined where there is none. Busy stores and broken connections are asked again where that does no harm. */
  async function ask(wish: Wish): Promise<IncomingMessage | undefined> {
    for (let attempt = 1, pauseMs = firstPauseMs; ; attempt++, pauseMs *= 4) {
      const failure = await tryOnce(wish);
      if (!(failure instanceof BucketFailure)) return failure;
      const mayPass = failure.status === 0 || failure.status === 429 || failure.status >= 500;
      if (!wish.isRepeatable || !mayPass || attempt === attempts) throw failure;
      await pause(pauseMs);
    }
  }

  async function tryOnce(wish: Wish): Promise<IncomingMessage | BucketFailure | undefined> {
    const what = `${wish.method} of ${bucket}/${prefix}${wish.name} at ${host}`;
    try {
      const reply = await send(wish);
      const status = reply.statusCode ?? 0;
      if (status >= 200 && status < 300) return reply;
      const words = await wordsOf(reply);
      const code = textIn(words, 'Code');
      if ((status === 404 && code !== 'NoSuchBucket') || status === 416) return undefined;
      return new BucketFailure(`${what} was refused: ${status} ${code}`, { status, code });
    } catch (cause) {
      return new BucketFailure(`${what} failed`, { status: 0, code: '', cause });
    }
  }

  /** For what is there, or was just made. */
  async function need(wish: Wish): Promise<IncomingMessage> {
    const reply = await ask(wish);
    if (!reply) throw new BucketFailure(`${wish.method} of ${bucket}/${prefix}${wish.name} at ${host}: there is no such thing`, { status: 404, code: 'NoSuchKey' });
    return reply;
  }

  return {
    async put(name, bytes) {
      await wordsOf(await need({ method: 'PUT', name, bytes, isRepeatable: true }));
    },
    async read(name, { first, last }) {
      const reply = await ask({ method: 'GET', name, headers: { range: `bytes=${first}-${last}` }, isRepeatable: true });
      return reply && unlessSilent(reply);
    },
    async sizeOf(name) {
      const reply = await ask({ method: 'HEAD', name, isRepeatable: true });
      reply?.resume();
      return reply && Number(reply.headers['content-length']);
    },
    async remove(name) {
      const reply = await ask({ method: 'DELETE', name, isRepeatable: true });
      if (reply) await wordsOf(reply);
    },
    async beginUpload(name) {
      return textIn(await wordsOf(await need({ method: 'POST', name, query: [['uploads', '']], isRepeatable: false })), 'UploadId');
    },
    async putPart(name, upload, number, bytes) {
      const reply = await need({ method: 'PUT', name, query: [['partNumber', String(number)], ['uploadId', upload]], bytes, isRepeatable: true });
      await wordsOf(reply);
      return reply.headers.etag ?? '';
    },
    async completeUpload(name, upload, etags) {
      const parts = etags.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`).join('');
      const wish = Buffer.from(`<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts}</CompleteMultipartUpload>`);
      // Long work is answered before it is done, and may fail all the same.
      const words = await wordsOf(await need({ method: 'POST', name, query: [['uploadId', upload]], bytes: [wish], isRepeatable: false }));
      if (/<Error\b/.test(words)) throw new BucketFailure(`The upload of ${name} to ${host} was not completed: ${textIn(words, 'Code')}`, { status: 200, code: textIn(words, 'Code') });
    },
    async uploadsOf(name) {
      const found = await wordsOf(await need({ method: 'GET', name: '', query: [['prefix', `${prefix}${name}`], ['uploads', '']], isRepeatable: true }));
      return [...found.matchAll(/<Upload>(.*?)<\/Upload>/gs)].map(([, upload = '']) => textIn(upload, 'UploadId'));
    },
    async removeUpload(name, upload) {
      const reply = await ask({ method: 'DELETE', name, query: [['uploadId', upload]], isRepeatable: true });
      if (reply) await wordsOf(reply);
    },
    close: () => agent.destroy(),
  };
}

/** However long its reader takes over each piece, the next one comes in time. */
async function* unlessSilent(reply: IncomingMessage): AsyncGenerator<Buffer> {
  let giveUp = (): void => undefined;
  const timer = setTimeout(() => giveUp(), silentMs);
  try {
    const chunks = reply[Symbol.asyncIterator]();
    for (;;) {
      giveUp = () => void reply.destroy(new Error(`Nothing came for ${silentMs} ms`));
      const { done, value } = (await chunks.next()) as IteratorResult<Buffer, undefined>;
      giveUp = () => undefined;
      if (done === true) return;
      yield value;
      timer.refresh();
    }
  } catch (cause) {
    throw new BucketFailure('Bytes of a bucket broke off', { status: 0, code: '', cause });
  } finally {
    clearTimeout(timer);
    reply.destroy();
  }
}

async function wordsOf(reply: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of unlessSilent(reply)) {
    bytes += part.length;
    if (bytes > mostWords) throw new BucketFailure(`A store answers more than ${mostWords} bytes`, { status: reply.statusCode ?? 0, code: '' });
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The store's own words are XML of one known shape: no parser is worth its size for three texts. */
function textIn(xml: string, element: string): string {
  const [, text = ''] = new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml) ?? [];
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&apos;', "'").replaceAll('&amp;', '&');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
