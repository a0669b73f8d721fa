/** Images of other regions: where they are, and what is taken over of what is said of them. glance/async_/flows/api_image_import.py, _ImportMetadata */
import type { Static } from 'typebox';
import { Check } from 'typebox/value';
import type { Catalog } from '../../contract/identity/catalog-entry.ts';
import { NewImage } from '../../contract/image/image.ts';
import type { Random } from '../../kit/clock.ts';
import type { Caller } from '../../kit/http/caller.ts';
import { seal, sealedBy, unseal, type SealingKey } from '../../kit/sealing.ts';
import { download, Unreachable, type Download } from './egress.ts';
import type { ImageSettings } from './settings.ts';

/** What a region is handed to reach others by. */
export type Abroad = {
  /** Where the services are, as this caller is told at home. */
  catalog(caller: Pick<Caller, 'token' | 'projectId' | 'userId'>): Promise<Static<typeof Catalog>>;
  /** The newest first: the token of who imports is sealed until the worker has fetched the image. */
  keys: readonly SealingKey[];
};

export type AbroadOrder = {
  region: string;
  interface: string;
  imageId: string;
  /** Null: the catalog has none. */
  endpoint: string | null;
  /** Base64; good for one task only. */
  sealedToken: string;
};

export type RemoteImage = { diskFormat: string; containerFormat: string; properties: Record<string, string>; sizeBytes: number };

const mostDescriptionBytes = 2 ** 20;
/** glance_download_properties.extra_properties: of the others nothing is taken over. */
const takenOver = ['hw_', 'trait:', 'os_distro', 'os_secure_boot', 'os_type'];

export async function endpointOf({ catalog }: Abroad, caller: Parameters<Abroad['catalog']>[0], { region, interface: wanted }: { region: string; interface: string }): Promise<string | null> {
  const entries = await catalog(caller);
  const endpoints = entries.filter(({ type }) => type === 'image').flatMap(({ endpoints: each }) => each);
  const found = endpoints.find((each) => each.region?.toLowerCase() === region.toLowerCase() && each.interface === wanted);
  return found === undefined ? null : found.url.replace(/\/+$/, '').replace(/\/v2$/, '');
}

export function sealToken({ keys }: Abroad, token: string, { taskId, random }: { taskId: string; random: Random }): string {
  return seal({ key: keys[0]!, random, place: placeOf(taskId), plain: Buffer.from(token) }).toString('base64');
}

export type Asking = { order: AbroadOrder; token: string; filter: ImageSettings['downloads']; signal: AbortSignal };

export function tokenOf({ keys }: Abroad, { sealedToken }: AbroadOrder, taskId: string): string {
  const sealed = Buffer.from(sealedToken, 'base64');
  const key = keys.find(({ id }) => id === sealedBy(sealed));
  if (!key) throw new Unreachable('The key by which the token for the other region was sealed is no longer there');
  return unseal({ key, place: placeOf(taskId), sealed }).toString();
}

export async function describeRemote(asking: Asking): Promise<RemoteImage> {
  const { order } = asking;
  const { bytes, sizeBytes } = await ask(asking, '');
  if (sizeBytes !== undefined && sizeBytes > mostDescriptionBytes) throw new Unreachable('The description of the image in the other region is too long');
  const chunks: Uint8Array[] = [];
  let count = 0;
  for await (const chunk of bytes) {
    count += chunk.length;
    if (count > mostDescriptionBytes) throw new Unreachable('The description of the image in the other region is too long');
    chunks.push(chunk);
  }
  const { status, size, disk_format: diskFormat, container_format: containerFormat, ...rest } = described(Buffer.concat(chunks).toString());
  if (status !== 'active') throw new Unreachable(`Source image status should be active instead of ${String(status)}`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw new Unreachable(`Size attribute of remote image ${order.imageId} could not be determined.`);
  const properties = Object.fromEntries(Object.entries(rest).filter(([name]) => takenOver.some((prefix) => name.startsWith(prefix))));
  const wanted = { disk_format: diskFormat, container_format: containerFormat, ...properties };
  if (typeof diskFormat !== 'string' || typeof containerFormat !== 'string' || !Check(NewImage, wanted)) throw new Unreachable(`Image ${order.imageId} of ${order.region} is of no format that is known here`);
  return { diskFormat, containerFormat, properties: properties as Record<string, string>, sizeBytes: size };
}

export async function remoteBytes(asking: Asking, expectedBytes: number): Promise<Download> {
  const { bytes, sizeBytes } = await ask(asking, '/file');
  if (sizeBytes !== undefined && sizeBytes !== expectedBytes) throw new Unreachable(`${asking.order.region} has ${sizeBytes} bytes of the image, and says that it has ${expectedBytes}`);
  return { bytes: exactly(bytes, expectedBytes, asking.order.region), sizeBytes: expectedBytes };
}

async function* exactly(bytes: AsyncIterable<Uint8Array>, expectedBytes: number, region: string): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const chunk of bytes) {
    count += chunk.length;
    if (count > expectedBytes) break;
    yield chunk;
  }
  if (count !== expectedBytes) throw new Unreachable(`${region} has sent ${count > expectedBytes ? 'more' : 'less'} than the ${expectedBytes} bytes of the image`);
}

/** To where the catalog leads the operator's own services are; behind a redirect anybody's. */
function ask({ order: { endpoint, imageId, region, interface: wanted }, token, filter, signal }: Asking, path: string): Promise<Download> {
  if (endpoint === null) throw new Unreachable(`${wanted} glance endpoint not found for region ${region}`);
  return download(`${endpoint}/v2/images/${imageId}${path}`, { filter, signal, headers: { 'x-auth-token': token, accept: path === '' ? 'application/json' : 'application/octet-stream' }, known: new URL(endpoint).origin });
}

function described(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new Unreachable('What the other region says of the image cannot be read', { cause });
  }
}

function placeOf(taskId: string): string {
  return `image.import:${taskId}`;
}
