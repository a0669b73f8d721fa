/** The doors of what is on the storage. */
import { manageableSnapshots as snapshotsContract, manageableVolumes as volumesContract, snapshotManage as olderSnapshotsContract, volumeManage as olderVolumesContract } from '../../contract/volume/manageable.ts';
import { badRequest } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import { readPage } from './lists.ts';
import { demandStorage, manageSnapshot, manageVolume, readStorage, snapshotsOn, volumesOn, type FoundSnapshot, type FoundVolume } from './manageable.ts';
import { isTrue, snapshotShown, volumeShown } from './shapes.ts';

type Query = Readonly<Record<string, unknown>> & { host?: string; cluster?: string };

/** Cinder sorts these by hand, too: api/contrib/resource_common_manage.py. */
function pageOf<Thing extends FoundVolume | FoundSnapshot>(things: readonly Thing[], query: Query): Thing[] {
  const { sort: _sort, sort_key: _key, sort_dir: _dir, ...rest } = query;
  const { limit, offset, marker } = readPage(rest, []);
  const [key = 'reference', direction = 'desc'] = typeof query['sort'] === 'string' ? query['sort'].split(':') : [query['sort_key'] as string | undefined, query['sort_dir'] as string | undefined];
  if (key !== 'reference' && key !== 'size') throw badRequest(`Invalid parameter value: Invalid sort keys passed: ${key}`);
  if (direction !== 'asc' && direction !== 'desc') throw badRequest(`Invalid parameter value: Invalid sort dirs passed: ${direction}`);
  const sorted = things.toSorted((one, other) => (direction === 'asc' ? 1 : -1) * (key === 'size' ? one.sizeGiB - other.sizeGiB : one.name < other.name ? -1 : 1));
  const begin = marker === undefined ? 0 : sorted.findIndex(({ name }) => name === marker) + 1;
  return sorted.slice(begin + offset, begin + offset + limit);
}

export function manageableVolumes({ driver, clock }: Pick<RegionParts, 'driver' | 'clock'>) {
  return implement(volumesContract, {
    async list(request) {
      demandStorage(request.query);
      const storage = await readStorage(driver, request);
      return { 'manageable-volumes': pageOf(await request.read((tx) => volumesOn(tx, storage)), request.query).map(brief) };
    },

    async detail(request) {
      demandStorage(request.query);
      const storage = await readStorage(driver, request);
      return { 'manageable-volumes': pageOf(await request.read((tx) => volumesOn(tx, storage)), request.query).map((found) => ({ ...brief(found), ...details(found) })) };
    },

    async manage(request) {
      const { volume: wish } = request.body;
      demandStorage(wish);
      const storage = await readStorage(driver, request);
      const { caller, requestId, random } = request;
      return request.commit(async (tx) => {
        const context = { tx, caller, requestId, random, now: clock.now() };
        const volume = await manageVolume(context, storage, { ref: wish.ref, name: wish.name?.trim() ?? null, description: wish.description?.trim() ?? null, metadata: wish.metadata ?? {}, volumeType: wish.volume_type === '' ? null : (wish.volume_type ?? null), bootable: isTrue(wish.bootable) });
        return { volume: volumeShown(request, volume, { extended: false }) };
      });
    },
  });
}

export function manageableSnapshots({ driver, clock }: Pick<RegionParts, 'driver' | 'clock'>) {
  return implement(snapshotsContract, {
    async list(request) {
      demandStorage(request.query);
      const storage = await readStorage(driver, request);
      return { 'manageable-snapshots': pageOf(await request.read((tx) => snapshotsOn(tx, storage)), request.query).map((found) => ({ ...brief(found), ...source(found) })) };
    },

    async detail(request) {
      demandStorage(request.query);
      const storage = await readStorage(driver, request);
      return { 'manageable-snapshots': pageOf(await request.read((tx) => snapshotsOn(tx, storage)), request.query).map((found) => ({ ...brief(found), ...source(found), ...details(found) })) };
    },

    async manage(request) {
      const { snapshot: wish } = request.body;
      const storage = await readStorage(driver, request);
      const { caller, requestId, random } = request;
      return request.commit(async (tx) => {
        const context = { tx, caller, requestId, random, now: clock.now() };
        const snapshot = await manageSnapshot(context, storage, wish.volume_id, { ref: wish.ref, name: wish.name ?? null, description: wish.description ?? null, metadata: wish.metadata ?? {} });
        return { snapshot: snapshotShown(snapshot, { extended: false }) };
      });
    },
  });
}

function brief({ name, sizeGiB, known }: FoundVolume) {
  return { reference: { 'source-name': name }, size: sizeGiB, safe_to_manage: !known };
}

function details({ id, known }: FoundVolume) {
  return { reason_not_safe: known ? 'already managed' : null, cinder_id: known ? id : null, extra_info: null };
}

function source({ volumeName }: FoundSnapshot) {
  return { source_reference: { 'source-name': volumeName } };
}

/** As they were called before 3.8. */
export function volumeManage(parts: Pick<RegionParts, 'driver' | 'clock'>) {
  const { list, detail, manage } = manageableVolumes(parts);
  return implement(olderVolumesContract, { list, detail, manage });
}

export function snapshotManage(parts: Pick<RegionParts, 'driver' | 'clock'>) {
  const { list, detail, manage } = manageableSnapshots(parts);
  return implement(olderSnapshotsContract, { list, detail, manage });
}
