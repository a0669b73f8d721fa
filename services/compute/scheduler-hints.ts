/** What a server asks of the host that it is to have: by its flavor, its image, and what its user said. nova/scheduler/filters/affinity_filter.py */
import type { Transaction } from '../../kit/postgres/database.ts';
import type { ClaimWish } from '../placement/claims.ts';
import { findHost } from '../placement/hosts.ts';
import type { Flavor } from './flavors.ts';
import { countUnderWay } from './hosted-servers.store.ts';
import { needsOf } from './server-changes.ts';
import { findServer, type Server } from './servers.store.ts';

/** Hosts that are said by name count more than hints. */
export async function wishOf(tx: Transaction, server: Server, { exclude, hostname, now }: { exclude: readonly string[]; hostname: string | null; now: Date }): Promise<ClaimWish> {
  const { id: consumerId, projectId, userId, availabilityZone, flavor, imageProperties, schedulerHints: hints } = server;
  const same = hints['same_host'] === undefined || hostname !== null ? null : await hostsOf(tx, projectId, hints['same_host']);
  return {
    ...needsOf(server),
    consumerId,
    projectId,
    userId,
    now,
    exclude,
    hostname,
    availabilityZone,
    different: hints['different_host'] === undefined ? [] : await hostsOf(tx, projectId, hints['different_host']),
    // Servers that are not there, or not theirs, are nowhere: nobody is kept from starting by them.
    same: same?.length === 0 ? null : same,
    near: await near(tx, projectId, hints),
    extraSpecs: flavor.extraSpecs,
    image: imageProperties,
    underWay: countUnderWay,
  };
}

/** As if a server of it were to be made, which nobody makes. */
export function wishOfFlavor(flavor: Flavor, asked: Pick<ClaimWish, 'now' | 'projectId' | 'availabilityZone' | 'image'>): ClaimWish {
  return { ...needsOf({ flavor, resize: null, rootDiskGiB: flavor.diskGiB, imageProperties: asked.image ?? {} }), ...asked, consumerId: '', extraSpecs: flavor.extraSpecs, underWay: countUnderWay };
}

async function hostsOf(tx: Transaction, projectId: string, hint: unknown): Promise<string[]> {
  const hosts: string[] = [];
  for (const id of [hint].flat()) {
    const server = typeof id === 'string' ? await findServer(tx, id) : undefined;
    if (server?.projectId === projectId && server.hostId !== null) hosts.push(server.hostId);
  }
  return hosts;
}

/** The hint is the address of a host, or a server on it, and how far from it: `"build_near_host_ip": "10.0.0.5", "cidr": "/24"`. */
async function near(tx: Transaction, projectId: string, { build_near_host_ip: hint, cidr = '/24' }: Record<string, unknown>): Promise<ClaimWish['near']> {
  if (typeof hint !== 'string') return null;
  const [hostId] = await hostsOf(tx, projectId, hint);
  const address = hostId === undefined ? hint : (await findHost(tx, hostId))?.report.address;
  const prefix = Number(String(cidr).replace('/', ''));
  return address !== undefined && /^\d+(\.\d+){3}$/.test(address) && prefix >= 0 && prefix <= 32 ? { address, prefix } : null;
}
