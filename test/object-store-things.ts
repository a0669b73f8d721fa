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
} as const;

export const objectStoreSpecials = {
  'object-store.containers.delete': { container: 'empty container' },
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
};

export const objectStorePreparations = {
  'object-store.objects.copy': {
    before: ({ alice }: TestCloud) => alice.objectStore.containers.put({ params: { account: `AUTH_${alice.projectId}`, container: 'copies' } }),
    headers: async () => ({ destination: 'copies/copy' }),
  },
  'object-store.accounts.put': { refused: { status: 405, because: 'it is there as soon as something is kept of it; what it takes is an archive' } },
  'object-store.accounts.delete': { query: async () => ({ 'bulk-delete': '' }), body: async (_cloud: TestCloud, things: Things) => Buffer.from(`${await things.get('container' as never)}/none`) },
};

/** What may be asked of an address is said of any, to anybody. */
export const objectStoreOptions = Object.fromEntries(['accounts', 'containers', 'objects'].map((noun) => [`object-store.${noun}.options`, 'swift says of any address what may be asked there (proxy/controllers/base.py, OPTIONS)']));
