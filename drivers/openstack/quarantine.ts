/** What is in our projects there and is nobody's: shown, billed to nobody, and left for a person to decide about. */
import type { Quarantined } from '../driver.ts';
import { idInTag } from './handles.ts';
import { imagesOf } from './images.ts';
import { observe } from './network/observation.ts';
import type { Region } from './region.ts';
import { serversOf } from './servers.ts';
import { snapshotsOf, volumesOf } from './volumes.ts';

/** What is made or goes while we look is not to be taken for nobody's: only what two looks find is said. */
export async function quarantined(region: Region): Promise<Quarantined[]> {
  return region.call([], async () => {
    const first = await strangers(region);
    if (first.length === 0) return [];
    const again = new Set((await strangers(region)).map(({ kind, remoteId }) => `${kind} ${remoteId}`));
    return first.filter(({ kind, remoteId }) => again.has(`${kind} ${remoteId}`));
  });
}

/** What is there, and was ours neither before we looked nor afterwards. */
async function strangers({ handles, projects }: Region): Promise<Quarantined[]> {
  const named = () => handles.list('server', 'volume', 'snapshot', 'image', 'network', 'subnet', 'router', 'router-port', 'port', 'security-group', 'floating-ip');
  const [places, before] = [await projects.known(), await named()];
  const found = await Promise.all(
    places.map(async ({ projectId, services }) => {
      const [servers, volumes, snapshots, images, network] = await Promise.all([
        serversOf(services), volumesOf(services), snapshotsOf(services), imagesOf(services),
        observe(services, ['networks', 'subnets', 'routers', 'ports', 'securityGroups', 'floatingIps']),
      ]);
      const things: [Quarantined['kind'], { id: string; tag: string | null }[]][] = [
        ['server', servers], ['volume', volumes], ['snapshot', snapshots], ['image', images],
        ['network', network.networks], ['subnet', network.subnets], ['router', network.routers], ['floating-ip', network.floatingIps],
        // Those that Neutron makes for itself, with what they belong to.
        ['port', network.ports.filter((port) => !String(port['device_owner']).startsWith('network:'))],
        ['security-group', network.securityGroups.filter((group) => group['name'] !== 'default')],
      ];
      return things.flatMap(([kind, list]) => list.map(({ id, tag }) => ({ kind, id, tag, projectId })));
    }),
  );
  const all = [...before, ...(await named())];
  const ours = new Set(all.flatMap(({ remoteId }) => remoteId ?? []));
  const intended = new Set(all.flatMap(({ state, tag }) => (state === 'intended' ? [tag] : [])));
  return found.flat().flatMap(({ kind, id, tag, projectId }) => (ours.has(id) || (tag !== null && intended.has(tag)) ? [] : [{ kind, remoteId: id, projectId, says: idInTag(tag) }]));
}
