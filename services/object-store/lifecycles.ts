/** Objects that go by themselves, as the rules of their container say. A schedule follows them. */
import { nobody } from '../../kit/http/caller.ts';
import { Fault } from '../../kit/fault.ts';
import type { RegionParts } from '../parts.ts';
import type { AccountContext } from './accounts.ts';
import { selectContainersWithLifecycle, selectLoneMarkers, selectOld, selectOlderVersions, type Candidate, type ContainerWithLifecycle } from './lifecycles.store.ts';
import { deleteUpload, selectOldUploads } from './multipart-uploads.store.ts';
import { deleteObject, findVersion, takeTurn } from './objects.ts';

export type LifecycleRule = {
  id: string;
  isEnabled: boolean;
  prefix: string;
  tags: Readonly<Record<string, string>>;
  largerThan?: number;
  smallerThan?: number;
  /** After how many days, or from when on, objects go. */
  days?: number;
  date?: string;
  /** Markers of deletions go when nothing is below them. */
  clearMarkers?: boolean;
  /** After how many days versions go that something newer took the place of, besides some that stay. */
  olderDays?: number;
  olderKept?: number;
  /** After how many days what is not complete is given up. */
  abortDays?: number;
};

const atOnce = 500;
const dayMs = 24 * 3_600_000;
const following = { kind: 'system', reason: 'rules of containers are followed' } as const;

type Parts = Pick<RegionParts, 'database' | 'clock' | 'random' | 'log'>;

export async function followLifecycles({ database, clock, random, log }: Parts, signal?: AbortSignal): Promise<void> {
  for (let after = 0; !isStopped(signal); ) {
    const found = await database.read(following, (tx) => selectContainersWithLifecycle(tx, { after, limit: atOnce }));
    for (const container of found) for (const rule of (container.facts['lifecycle'] as LifecycleRule[]).filter(({ isEnabled }) => isEnabled)) await followRule(container, rule);
    if (found.length < atOnce) return;
    after = found.at(-1)!.id;
  }

  async function followRule(container: ContainerWithLifecycle, rule: LifecycleRule): Promise<void> {
    const now = clock.now();
    const before = (days: number) => new Date(now.getTime() - days * dayMs);
    const scope = { kind: 'project', projectId: container.projectId } as const;
    const filter = { prefix: rule.prefix, tags: rule.tags, largerThan: rule.largerThan, smallerThan: rule.smallerThan };
    const each = async <Place extends string | number>(start: Place, select: (after: Place) => Promise<Candidate[]>, placeOf: (candidate: Candidate) => Place, version: 'newest' | 'this') => {
      for (let after = start; !isStopped(signal); ) {
        const candidates = await select(after);
        for (const candidate of candidates) await database.transaction(scope, (tx) => unlessLocked(remove({ tx, projectId: container.projectId, now, random, caller: nobody, requestId: '' }, container, candidate, version)));
        if (candidates.length < atOnce) return;
        after = placeOf(candidates.at(-1)!);
      }
    };
    const until = rule.days === undefined ? (rule.date !== undefined && new Date(rule.date) <= now ? now : undefined) : before(rule.days);
    if (until !== undefined) await each<string>('', (after) => database.read(scope, (tx) => selectOld(tx, container.id, { ...filter, before: until, after, limit: atOnce })), ({ name }) => name, 'newest');
    const { olderDays, olderKept = 0, abortDays } = rule;
    if (olderDays !== undefined) await each<number>(0, (after) => database.read(scope, (tx) => selectOlderVersions(tx, container.id, { ...filter, before: before(olderDays), kept: olderKept, after, limit: atOnce })), ({ id }) => id, 'this');
    if (rule.clearMarkers === true) await each<string>('', (after) => database.read(scope, (tx) => selectLoneMarkers(tx, container.id, { prefix: rule.prefix, after, limit: atOnce })), ({ name }) => name, 'this');
    if (abortDays === undefined) return;
    const uploads = await database.read(scope, (tx) => selectOldUploads(tx, container.id, { prefix: rule.prefix, before: before(abortDays), limit: atOnce }));
    for (const { id } of uploads) await database.transaction(scope, (tx) => deleteUpload(tx, id));
    if (uploads.length > 0) log.info({ containerId: container.id, uploads: uploads.length }, 'uploads that were never completed were given up');
  }
}

/** Unless something else is there by now. */
async function remove(context: AccountContext, container: Pick<ContainerWithLifecycle, 'id' | 'versioning'>, { id, name, version }: Candidate, which: 'newest' | 'this'): Promise<void> {
  await takeTurn(context, container, name);
  const wanted = which === 'this' ? version : undefined;
  if ((await findVersion(context, container, name, wanted))?.id === id) await deleteObject(context, container, name, wanted);
}

function isStopped(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** What is locked stays until it is not. */
async function unlessLocked(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'ObjectLocked') throw error;
  }
}
