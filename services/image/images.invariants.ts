/** What must always be true of images (FAILURES.md). */
import type { Finding, Invariant, RegionParts } from '../parts.ts';
import { countedQuota } from '../quota/quotas.ts';
import { countImages, listActive, listKept, listOverdue } from './blobs.store.ts';
import { jailStrength } from './intake/jail.ts';

const looking = { kind: 'system', reason: 'invariants hold for every project' } as const;
const slackMs = 5 * 60_000;

export function imageInvariants({ database, blobs, clock }: RegionParts): Invariant[] {
  return [
    {
      id: 'I12',
      title: 'every stored blob is referenced, and every active image has its blob',
      async check() {
        // The files first: bytes get their row before their name.
        const stored = (await Promise.all(blobs.stores.map(async ({ id: store }) => (await blobs.list(store)).map((sha256) => ({ store, sha256 }))))).flat();
        const { kept, active } = await database.read(looking, async (tx) => ({ kept: new Set(await listKept(tx)), active: await listActive(tx) }));
        const unknown = stored.filter(({ sha256 }) => !kept.has(sha256)).map(({ store, sha256 }) => ({ message: `The blob store ${store} has ${sha256}, which no image has`, remedy: 'The collector takes it away within the hour; if it stays, see the worker’s log.' }));
        const places = active.flatMap(({ stores, ...image }) => stores.map((store) => ({ ...image, store })));
        const missing = await Promise.all(places.map(async ({ id, sha256, sizeBytes, store }) => ((await sizeIn(blobs, store, sha256)) === sizeBytes ? [] : [{ message: `Image ${id} has lost its bytes ${sha256} in the store ${store}`, remedy: 'Restore the blob store from a backup, or delete the image.' }])));
        return [...unknown, ...missing.flat()];
      },
    },
    {
      id: 'I7',
      title: 'no image’s bytes are under way for longer than their deadline',
      check: () =>
        database.read(looking, async (tx) =>
          (await listOverdue(tx, new Date(clock.now().getTime() - slackMs))).map(({ id }) => ({ message: `Nobody brings the bytes of image ${id} any more`, remedy: 'Is a worker running? Its collector gives such uploads up.' })),
        ),
    },
    {
      id: 'I4',
      title: 'the images and bytes counted for each project are those that it has',
      check: () =>
        database.read(looking, async (tx) => {
          const counted = new Map<string, number>((await countedQuota(tx, ['image.images', 'image.bytes'])).map(({ projectId, resource, used }) => [`${projectId} ${resource}`, used]));
          const real = new Map<string, number>((await countImages(tx)).flatMap(({ projectId, count, bytes }) => [[`${projectId} image.images`, count], [`${projectId} image.bytes`, bytes]] as const));
          return [...new Set([...counted.keys(), ...real.keys()])]
            .filter((key) => (counted.get(key) ?? 0) !== (real.get(key) ?? 0))
            .map((key): Finding => ({ message: `Project ${key.replace(' ', ' has of ')} ${real.get(key) ?? 0} and is charged for ${counted.get(key) ?? 0}`, remedy: 'This is a fault of ours: report it.' }));
        }),
    },
    {
      id: 'image.jail',
      title: 'images are inspected in a jail with both of its walls',
      async check() {
        const { namespaces, limits } = await jailStrength();
        return [
          ...(namespaces ? [] : [{ message: 'The kernel lends no user namespaces: images are inspected behind Node’s permission model alone', remedy: 'Allow unprivileged user namespaces and install util-linux (unshare).' }]),
          ...(limits ? [] : [{ message: 'prlimit is missing: the inspection of images is bounded by time alone', remedy: 'Install util-linux (prlimit).' }]),
        ];
      },
    },
  ];
}

/** Undefined also for a store that the operator has taken away. */
async function sizeIn(blobs: RegionParts['blobs'], store: string, sha256: string): Promise<number | undefined> {
  return blobs.stores.some(({ id }) => id === store) ? blobs.sizeIn(store, sha256) : undefined;
}
