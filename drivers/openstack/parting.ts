/**
 * What is ours at a partner, taken back when we part: what users have of networks, and the images that were brought. Whatever
 * else stands in our places is somebody's: it is named, and nothing is changed. Our projects stay, empty: what the partner has
 * counted for them can still be asked for.
 */
import { DriverError, type Driver } from '../driver.ts';
import { forgetImage } from './images.ts';
import { removeNowhere } from './network/nowhere.ts';
import type { Region } from './region.ts';

const mostNamed = 20;

export async function part(region: Region, { servers, volumes, networks, quarantine }: Pick<Driver, 'servers' | 'volumes' | 'networks' | 'quarantine'>): Promise<void> {
  const [machines, storage, unknown] = await Promise.all([servers.list(), volumes.list(), quarantine.list()]);
  const held = [
    ...machines.map(({ id }) => `server ${id}`),
    ...storage.volumes.map(({ id }) => `volume ${id}`),
    ...storage.snapshots.map(({ id }) => `snapshot ${id}`),
    ...unknown.map(({ kind, remoteId }) => `${kind} ${remoteId} (as it is called there; nothing of ours)`),
  ];
  if (held.length > 0) throw new DriverError('failed', `The partner still holds ${held.slice(0, mostNamed).join(', ')}${held.length > mostNamed ? ` and ${held.length - mostNamed} more` : ''}`);
  await networks.reconcile([]);
  await region.call([], async () => {
    await removeNowhere(region);
    for (const { id } of await region.handles.list('image')) await forgetImage(region, id);
  });
}
