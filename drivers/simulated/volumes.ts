import { DriverError, type DiskKeys, type VolumeDriver, type VolumeSpec } from '../driver.ts';
import { contentOf, EMPTY, isLocked, openContent, storeContent, type Content } from './content.ts';
import type { Region } from './simulated.ts';

const GIB = 2 ** 30;

type Disk = { size_gib: number; content: string };
type Volume = Disk & { epoch: number; shared: number };

export function volumeDriver({ state, images, call, withImage }: Region): VolumeDriver {
  const { database, accept, transaction } = state;
  const find = database.prepare('select size_gib, content, epoch, shared from volumes where id = ?');
  const insert = database.prepare('insert into volumes (id, size_gib, content, epoch, shared) values (?, ?, ?, ?, ?)');
  const replace = database.prepare('update volumes set size_gib = ?, content = ?, epoch = ? where id = ?');
  const rewrite = database.prepare('update volumes set content = ? where id = ?');
  const share = database.prepare('update volumes set shared = ? where id = ?');
  const extend = database.prepare('update volumes set size_gib = ? where id = ?');
  const remove = database.prepare('delete from volumes where id = ?');
  const user = database.prepare('select server_id from attachments where volume_id = ? limit 1');
  const users = database.prepare('select count(*) as number from attachments where volume_id = ?');
  const findSnapshot = database.prepare('select volume_id, size_gib, content from snapshots where id = ?');
  const snapshotOf = database.prepare('select id from snapshots where volume_id = ? limit 1');
  const insertSnapshot = database.prepare('insert into snapshots (id, volume_id, size_gib, content) values (?, ?, ?, ?)');
  const removeSnapshot = database.prepare('delete from snapshots where id = ?');

  function contentFor({ id, sizeGiB, source, keys }: VolumeSpec): Content {
    const [content, least, of] = contentOfSource(source, keys);
    if (sizeGiB * GIB < least) throw new DriverError('invalid', `Volume ${id} of ${sizeGiB} GiB is smaller than ${of}`);
    return content;
  }

  function contentOfSource(source: VolumeSpec['source'], keys: DiskKeys | undefined): [content: Content, least: number, of: string] {
    switch (source.kind) {
      case 'empty':
        return [EMPTY, 0, 'nothing'];
      case 'image':
        return [contentOf(source.image), source.image.virtualSizeBytes, `image ${source.image.imageId}`];
      case 'volume':
        return copied(find.get(source.volumeId) as Disk | undefined, 'volume', source.volumeId, keys);
      case 'snapshot':
        return copied(findSnapshot.get(source.snapshotId) as Disk | undefined, 'snapshot', source.snapshotId, keys);
      default:
        return source satisfies never;
    }
  }

  return {
    ensure: (volume) =>
      call('volumes.ensure', `volume/${volume.id}`, () => {
        const { id, generation, sizeGiB, source, epoch = 0, keys } = volume;
        accept(`volume/${id}`, generation);
        if (!Number.isSafeInteger(sizeGiB) || sizeGiB < 1) throw new DriverError('invalid', `Volume ${id} cannot have ${sizeGiB} GiB`);

        const found = find.get(id) as Volume | undefined;
        if (found && sizeGiB < found.size_gib)
          throw new DriverError('invalid', `Volume ${id} has ${found.size_gib} GiB and cannot shrink to ${sizeGiB}`);
        const [used, shared] = [user.get(id), Number(volume.shared ?? found?.shared ?? false)];
        const wasLocked = found !== undefined && isLocked(found.content);
        const locked = volume.encryption === undefined ? wasLocked : volume.encryption !== null;
        if (found && used && (epoch > found.epoch || shared !== found.shared || locked !== wasLocked)) throw new DriverError('failed', `Server ${used.server_id} uses volume ${id}`);
        if (found) share.run(shared, id);
        if (found && locked !== wasLocked) rewrite.run(storeContent(openContent(found.content, id, keys), id, { locked, keys }), id);
        if (found && epoch <= found.epoch) return void (sizeGiB > found.size_gib && extend.run(sizeGiB, id));

        const put = (content: Content) => {
          const stored = storeContent(content, id, { locked, keys });
          if (found) replace.run(sizeGiB, stored, epoch, id);
          else insert.run(id, sizeGiB, stored, epoch, shared);
        };
        if (source.kind !== 'image') return put(contentFor(volume));
        const { image, lockedAs } = source;
        return withImage(image, async () => {
          const content = contentFor(volume);
          put(lockedAs === undefined ? content : await images.openLocked(image, lockedAs, keys));
        });
      }),

    remove: ({ id, generation }) =>
      call('volumes.remove', `volume/${id}`, () => {
        accept(`volume/${id}`, generation);
        transaction(() => {
          const used = user.get(id);
          if (used) throw new DriverError('failed', `Server ${used.server_id} uses volume ${id}`);
          const snapshot = snapshotOf.get(id);
          if (snapshot) throw new DriverError('failed', `Snapshot ${snapshot.id} is of volume ${id}`);
          remove.run(id);
        });
      }),

    ensureSnapshot: ({ id, volumeId, generation, keys }) =>
      // In the volume's order too: what was written before is in it.
      call('volumes.ensureSnapshot', [`snapshot/${id}`, `volume/${volumeId}`], () => {
        accept(`snapshot/${id}`, generation);
        const found = findSnapshot.get(id);
        if (found && found.volume_id !== volumeId) throw new DriverError('invalid', `Snapshot ${id} is of volume ${found.volume_id}`);
        if (found) return;
        const volume = find.get(volumeId) as Disk | undefined;
        if (!volume) throw new DriverError('missing', `There is no volume ${volumeId}`);
        if (Number(users.get(volumeId)!.number) > 1) throw new DriverError('failed', `Several servers use volume ${volumeId}`);
        insertSnapshot.run(id, volumeId, volume.size_gib, storeContent(openContent(volume.content, volumeId, keys), id, { locked: isLocked(volume.content), keys }));
      }),

    removeSnapshot: ({ id, volumeId, generation }) =>
      call('volumes.removeSnapshot', [`snapshot/${id}`, `volume/${volumeId}`], () => {
        accept(`snapshot/${id}`, generation);
        removeSnapshot.run(id);
      }),

    capture: ({ volumeId, snapshotId, upload, keys, locked = false }) =>
      call('volumes.capture', [`volume/${volumeId}`, ...(snapshotId === undefined ? [] : [`snapshot/${snapshotId}`])], () => {
        const disk = (snapshotId === undefined ? find.get(volumeId) : findSnapshot.get(snapshotId)) as Disk | undefined;
        if (!disk) throw new DriverError('missing', snapshotId === undefined ? `There is no volume ${volumeId}` : `There is no snapshot ${snapshotId}`);
        const id = snapshotId ?? volumeId;
        if (locked && !isLocked(disk.content)) throw new DriverError('invalid', 'A disk that is not locked cannot be captured as one that is');
        const content = openContent(disk.content, id, keys);
        return locked ? images.captureLocked(content, id, keys, disk.size_gib * GIB, upload) : images.capture(content, disk.size_gib * GIB, upload);
      }),

    list: () =>
      call('volumes.list', [], () => ({
        volumes: database
          .prepare('select id, size_gib from volumes order by id')
          .all()
          .map(({ id, size_gib }) => ({ id: String(id), sizeGiB: Number(size_gib) })),
        snapshots: database
          .prepare('select id, volume_id from snapshots order by id')
          .all()
          .map(({ id, volume_id }) => ({ id: String(id), volumeId: String(volume_id) })),
      })),
  };
}

function copied(disk: Disk | undefined, noun: string, id: string, keys: DiskKeys | undefined): [content: Content, least: number, of: string] {
  if (!disk) throw new DriverError('missing', `There is no ${noun} ${id}`);
  return [openContent(disk.content, id, keys), disk.size_gib * GIB, `${noun} ${id}`];
}
