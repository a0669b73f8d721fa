/**
 * A network that leads nowhere, for clouds whose Nova (before 2.37) plugs a server without interfaces into whatever
 * network its project has. The server is plugged into this one, and unplugged when it is there.
 */
import { ensureMade } from '../creation.ts';
import type { Services } from '../partner.ts';
import { unless } from '../refusals.ts';
import type { Region } from '../region.ts';

const NOWHERE = 'nowhere-';

export function isNowhere(id: string): boolean {
  return id.startsWith(NOWHERE);
}

/** Resolves to what the project's is called there. */
export function ensureNowhere(region: Region, { network, projectId }: Services, ours: string): Promise<string> {
  const ref = { kind: 'network', id: `${NOWHERE}${ours}` } as const;
  const owned = { project_id: [projectId ?? ''] };
  return region.once(ref, async () => {
    const networkId = await ensureMade(region, ref, ours, {
      find: async (tag) => (await network.networks.list({ query: owned })).body.networks.flatMap(({ id = '', description, created_at: createdAt = '' }) => (description === tag ? [{ id, createdAt }] : [])),
      make: async (tag) => (await network.networks.create({ body: { network: { name: 'intercloud-nowhere', description: tag } } })).body.network?.id ?? '',
    });
    await ensureMade(region, { kind: 'subnet', id: ref.id }, ours, {
      find: async (tag) => (await network.subnets.list({ query: owned })).body.subnets.flatMap(({ id = '', description, created_at: createdAt = '' }) => (description === tag ? [{ id, createdAt }] : [])),
      make: async (tag) => (await network.subnets.create({ body: { subnet: { network_id: networkId, name: 'intercloud-nowhere', description: tag, ip_version: 4, cidr: '192.0.2.0/24', gateway_ip: null, enable_dhcp: false } } })).body.subnet?.id ?? '',
    });
    return networkId;
  });
}

/** All of them, when no server will need one any more. */
export async function removeNowhere({ handles, projects }: Region): Promise<void> {
  const made = (await handles.list('network', 'subnet')).filter(({ id }) => isNowhere(id));
  for (const { kind, projectId, remoteId } of made) {
    const { network } = await projects.of(projectId);
    if (kind === 'network' && remoteId !== null) await network.networks.delete({ params: { network_id: remoteId } }).catch(unless(404));
  }
  for (const handle of made) await handles.forget(handle);
}
