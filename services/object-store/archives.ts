/** An archive whose files become objects: `?extract-archive`, swift/common/middleware/bulk.py. */
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { bulkLimits, limits } from '../../contract/object-store/capabilities.ts';
import { badRequest, Fault } from '../../kit/fault.ts';
import type { Answer } from '../../kit/http/implement.ts';
import type { ObjectBodies, Received } from './bodies.ts';
import { bulkAnswer, type Problem } from './bulk-answers.ts';
import { ByteReader } from './byte-reader.ts';
import { ensureContainer } from './containers.ts';
import { guessedType } from './content-types.ts';
import { keepingAll } from './objects.ts';
import { writeAt } from './object-writes.ts';
import { splitPath } from './paths.ts';
import { NoTar, tarEntries } from './tar.ts';
import { receive } from './uploads.ts';
import { refusal, textsOf, type StoreRequest, type Visit } from './visits.ts';

const mostFiles = 10_000;

type Brought = { container: string; object: string; contentType: string; headers: Record<string, string>; received: Received };

/** `below`: the container and the beginning of the names, where the address has them. */
export async function extractArchive(bodies: ObjectBodies, request: StoreRequest & { readonly body: AsyncIterable<Uint8Array> | undefined }, here: Visit, below: string): Promise<Answer<Buffer>> {
  const format = textsOf(request)['extract-archive'] ?? '';
  if (!['tar', 'tar.gz'].includes(format)) throw badRequest('Unsupported archive format');
  // Containers are made for it.
  if (!here.isOwner) throw refusal(request.caller);
  const problems: Problem[] = [];
  const brought: Brought[] = [];
  try {
    await bringIn(bodies, request, unpacked(request.body, format), { below, brought, problems });
  } catch (error) {
    for (const { received } of brought) await bodies.remove(received.file);
    throw error instanceof NoTar || isBadArchive(error) ? new Fault(400, 'badRequest', `Invalid Tar File: ${(error as Error).message}`, { cause: error }) : error;
  }
  await keepingAll(bodies, brought.map(({ received }) => received.file), () =>
    here.commit(async (context) => {
      const files: (string | undefined)[] = [];
      for (const container of new Set(brought.map(({ container: name }) => name))) await ensureContainer(context, container);
      for (const { container, object, contentType, headers, received } of brought) {
        const { file } = await writeAt(context, here, { container, object }, { contentType, headers, body: { received }, sizeBytes: received.sizeBytes, etag: received.md5 });
        files.push(file);
      }
      return { files };
    }),
  );
  const status = problems.length > 0 || brought.length === 0 ? '400 Bad Request' : '201 Created';
  return bulkAnswer(request.headers, { 'Number Files Created': brought.length, 'Response Body': brought.length === 0 && problems.length === 0 ? 'Invalid Tar File: No Valid Files' : '', 'Response Status': status }, problems, { root: 'extract' });
}

async function bringIn(bodies: ObjectBodies, request: StoreRequest, bytes: AsyncIterable<Uint8Array>, { below, brought, problems }: { below: string; brought: Brought[]; problems: Problem[] }): Promise<void> {
  for await (const entry of tarEntries(new ByteReader(bytes))) {
    if (!entry.isFile) continue;
    if (brought.length + problems.length >= mostFiles || problems.length >= bulkLimits.max_failed_extractions) throw badRequest(`Too many files in the archive: at most ${mostFiles}`);
    const { container, object } = splitPath(`${below}/${entry.name.replace(/^(\.\/)+/, '')}`.replace(/^\/+/, ''));
    const why = object === '' ? undefined : Buffer.byteLength(container) > limits.max_container_name_length || Buffer.byteLength(object) > limits.max_object_name_length ? '400 Bad Request' : entry.sizeBytes > limits.max_file_size ? '413 Request Entity Too Large' : '';
    // A file that lies beside the containers is none.
    if (why === undefined) continue;
    if (why !== '') {
      problems.push([encodeURI(entry.name), why]);
      continue;
    }
    const metadata = [...entry.attributes].flatMap(([name, value]): [string, string][] => {
      const [, key] = /^SCHILY\.xattr\.user\.meta\.(.+)$/.exec(name) ?? [];
      return key === undefined ? [] : [[`x-object-meta-${key.toLowerCase()}`, value]];
    });
    const contentType = entry.attributes.get('SCHILY.xattr.user.mime_type') ?? guessedType(object);
    brought.push({ container, object, contentType, headers: Object.fromEntries(metadata), received: await receive(bodies, request, entry.read()) });
  }
}

function unpacked(body: AsyncIterable<Uint8Array> | undefined, format: string): AsyncIterable<Uint8Array> {
  const bytes = Readable.from(body ?? []);
  if (format === 'tar') return bytes;
  const gunzip = createGunzip();
  bytes.once('error', (error) => gunzip.destroy(error));
  return bytes.pipe(gunzip);
}

function isBadArchive(error: unknown): boolean {
  return error instanceof Error && ('code' in error ? String(error.code).startsWith('Z_') : /^The stream ended/.test(error.message));
}
