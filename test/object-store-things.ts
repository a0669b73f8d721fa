/** Real things of the object store: for generated requests (things.ts, bodies.ts, preparations.ts). */
import type { Person, TestCloud } from './cloud.ts';

type Making = { cloud: TestCloud; owner: Person; get(name: string): Promise<string>; unique: () => string };
type Things = { get(name: never): Promise<string> };

export const objectStoreMakers = {
  account: async ({ owner }: Making) => `AUTH_${owner.projectId}`,
  container: (making: Making) => makeContainer(making),
  'empty container': (making: Making) => makeContainer(making),
  object: async ({ owner, get, unique }: Making) => {
    const object = `object/${unique()}`;
    await owner.objectStore.objects.put({ params: { account: await get('account'), container: await get('container'), object }, body: bytes('hello') });
    return object;
  },
  // By the project too, so that a stranger asks for the same one and not for one of his own.
  bucket: async (making: Making) => `${making.owner.projectId}:${await making.get('container')}`,
  'empty bucket': async (making: Making) => `${making.owner.projectId}:${await makeContainer(making)}`,
  'new bucket': async ({ owner, unique }: Making) => `${owner.projectId}:bucket-${unique()}`.toLowerCase(),
};

async function makeContainer({ owner, get, unique }: Making): Promise<string> {
  const container = `container-${unique()}`;
  await owner.objectStore.containers.put({ params: { account: await get('account'), container } });
  return container;
}

function bytes(text: string): never {
  return Buffer.from(text) as never;
}

export const objectStorePaths = {
  'object-store /': 'account',
  'object-store /{account}/': 'container',
  'object-store /{account}/{container}/': 'object',
  's3 /': 'bucket',
  's3 /{bucket}/': 'object',
} as const;

export const objectStoreSpecials = {
  'object-store.containers.delete': { container: 'empty container' },
  's3.buckets.delete': { bucket: 'empty bucket' },
  's3.buckets.put': { bucket: 'new bucket' },
} as const;

const none = async () => undefined;

export const objectStoreBodies = {
  'object-store.accounts.put': none,
  'object-store.accounts.update': none,
  'object-store.accounts.delete': none,
  'object-store.containers.put': none,
  'object-store.containers.update': none,
  'object-store.objects.put': async () => Buffer.from('hello'),
  'object-store.objects.update': none,
  'object-store.objects.delete': none,
  's3.buckets.put': none,
  's3.buckets.post': none,
  's3.objects.put': async () => Buffer.from('hello'),
  's3.objects.post': none,
};

/** Nobody has said what pages may do with this bucket. */
const pagesMayAsk = { refused: { status: 400, because: 'it is asked for a page of an origin only' } };

export const objectStorePreparations = {
  'object-store.objects.copy': {
    before: ({ alice }: TestCloud) => alice.objectStore.containers.put({ params: { account: `AUTH_${alice.projectId}`, container: 'copies' } }),
    headers: async () => ({ destination: 'copies/copy' }),
  },
  'object-store.accounts.put': { refused: { status: 405, because: 'it is there as soon as something is kept of it; what it takes is an archive' } },
  'object-store.accounts.delete': { query: async () => ({ 'bulk-delete': '' }), body: async (_cloud: TestCloud, things: Things) => Buffer.from(`${await things.get('container' as never)}/none`) },
  's3.buckets.post': { query: async () => ({ delete: '' }), body: async (_cloud: TestCloud, things: Things) => Buffer.from(`<Delete><Object><Key>${await things.get('object' as never)}</Key></Object></Delete>`) },
  's3.objects.post': { query: async () => ({ uploads: '' }) },
  's3.buckets.options': pagesMayAsk,
  's3.objects.options': pagesMayAsk,
};

/** Any name is one of a thing that may be made. */
export const objectStoreNames: Record<string, string> = { 's3.buckets.put': 'PUT makes the bucket of this name, whatever it is (API_CreateBucket)' };

/** What may be asked of an address is said of any, to anybody. */
export const objectStoreOptions: Record<string, string> = Object.fromEntries(['accounts', 'containers', 'objects'].map((noun) => [`object-store.${noun}.options`, 'swift says of any address what may be asked there (proxy/controllers/base.py, OPTIONS)']));
