/** Files that a page's form sends, as the account or container has signed it: swift/common/middleware/formpost.py. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { servicePath, shortPath } from '../../contract/object-store/paths.ts';
import { badRequest, Fault } from '../../kit/fault.ts';
import { Answer } from '../../kit/http/implement.ts';
import { TooLarge, type ObjectBodies, type Received } from './bodies.ts';
import { getContainer } from './containers.ts';
import { firstOf, partsOf } from './form-parts.ts';
import { encoded, type IncomingHeaders } from './header-text.ts';
import { keepingAll } from './objects.ts';
import { writeAt } from './object-writes.ts';
import { keysOf, signatureOf } from './temp-urls.ts';
import { checkObjectName, describedBy } from './uploads.ts';
import { signedVisit, type StoreRequest } from './visits.ts';

type Uploaded = { name: string; contentType: string; received: Received };

const mostFieldBytes = 4096;

/** `prefix`: the beginning of the objects' names. */
export async function uploadForm(bodies: ObjectBodies, request: StoreRequest & { readonly body: AsyncIterable<Uint8Array> | undefined }, { account, container, prefix }: { account: string; container: string; prefix: string }): Promise<Answer<Buffer>> {
  const here = await signedVisit(request, { account, container });
  const fields = new Map<string, string>();
  const files: Uploaded[] = [];
  try {
    for await (const part of partsOf(request.body ?? nothing(), request.headers)) {
      const { name, filename, contentType } = part;
      if (filename === undefined || filename === '') {
        const value = (await firstOf(part.read(), mostFieldBytes)).toString('utf8');
        if (name !== undefined) fields.set(name.toLowerCase(), value);
        continue;
      }
      if (files.length >= wholeOf(fields, 'max_file_count')) throw badRequest('400 Bad Request\r\nFormPost: Max File Count Exceeded');
      if (!here || !isSigned(fields, { keys: { account: here.account ?? {}, container: here.container?.headers ?? {} }, address: `${account}/${container}${prefix === '' ? '' : `/${prefix}`}`, now: request.now })) throw new Fault(401, 'Unauthorized', 'FormPost: Invalid Signature');
      const object = prefix + filename;
      checkObjectName(object);
      files.push({ name: object, contentType: fields.get('content-type') ?? contentType ?? 'application/octet-stream', received: await receiveFile(bodies, request, part.read(), wholeOf(fields, 'max_file_size')) });
    }
    if (files.length === 0) throw badRequest('400 Bad Request\r\nFormPost: No Files To Process');
  } catch (error) {
    for (const { received } of files) await bodies.remove(received.file);
    if (error instanceof Fault) return told(fields, error.status, error.message);
    throw error;
  }
  const described = describedBy(headersOf(fields), request.now);
  await keepingAll(bodies, files.map(({ received }) => received.file), () =>
    here!.commit(async (context) => {
      await getContainer(context, container);
      const kept: (string | undefined)[] = [];
      for (const { name, contentType, received } of files) kept.push((await writeAt(context, here!, { container, object: name }, { ...described, contentType, body: { received }, sizeBytes: received.sizeBytes, etag: received.md5 })).file);
      return { files: kept };
    }),
  );
  return told(fields, 201, '201 Created');
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // A form without a body has no files.
}

async function receiveFile(bodies: ObjectBodies, { random }: StoreRequest, bytes: AsyncIterable<Uint8Array>, limitBytes: number): Promise<Received> {
  try {
    return await bodies.receive(bytes, { id: random.uuid().replaceAll('-', ''), limitBytes });
  } catch (error) {
    if (error instanceof TooLarge) throw new Fault(400, 'badRequest', 'FormPost: max_file_size exceeded', { cause: error });
    throw error;
  }
}

/** To the page that the form names, or in plain words. */
function told(fields: ReadonlyMap<string, string>, status: number, text: string): Answer<Buffer> {
  const redirect = fields.get('redirect') ?? '';
  if (redirect === '') return new Answer(Buffer.from(text), { status, headers: { 'content-type': 'text/plain' } });
  const message = status === 201 ? '' : text.replace(/^.*FormPost: /s, '');
  const location = `${redirect}${redirect.includes('?') ? '&' : '?'}status=${status}&message=${encodeURIComponent(message)}`;
  return new Answer(Buffer.from(`<html><body><p><a href="${location.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}">Click to continue...</a></p></body></html>`), { status: 303, headers: encoded({ location: location.replaceAll(/[\r\n]/g, ''), 'content-type': 'text/html' }) });
}

function isSigned(fields: ReadonlyMap<string, string>, { keys, address, now }: { keys: Parameters<typeof keysOf>[0]; address: string; now: Date }): boolean {
  if (wholeOf(fields, 'expires') * 1000 < now.getTime()) throw new Fault(401, 'Unauthorized', 'FormPost: Form Expired');
  const signature = signatureOf(fields.get('signature') ?? '');
  if (!signature) return false;
  return keysOf(keys).some(({ key }) =>
    [shortPath, servicePath].some((start) => {
      const text = [`${start}/${address}`, fields.get('redirect') ?? '', ...['max_file_size', 'max_file_count', 'expires'].map((name) => fields.get(name) || '0')].join('\n');
      const right = createHmac(signature.algorithm, key).update(text).digest();
      return right.length === signature.bytes.length && timingSafeEqual(right, signature.bytes);
    }),
  );
}

function wholeOf(fields: ReadonlyMap<string, string>, name: string): number {
  const value = fields.get(name) || '0';
  if (!/^\d{1,15}$/.test(value)) throw badRequest(`FormPost: ${name} not an integer`);
  return Number(value);
}

function headersOf(fields: ReadonlyMap<string, string>): IncomingHeaders {
  return { 'x-delete-at': fields.get('x_delete_at'), 'x-delete-after': fields.get('x_delete_after'), 'content-encoding': fields.get('content-encoding') };
}
