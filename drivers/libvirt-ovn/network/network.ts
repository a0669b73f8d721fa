/**
 * The region's network on OVN: its northbound database as a projection of the resources that the caller wants.
 * Nothing is remembered here but the generations of what was removed; everything else is read from the database itself.
 */
import { isDeepStrictEqual } from 'node:util';
import { DriverError, type NetworkDriver, type NetworkResource, type NetworkSpec, type TrafficCounter } from '../../driver.ts';
import { serialised } from '../../../kit/serial.ts';
import { ConflictError, type OvsdbClient } from '../ovsdb.ts';
import { changesTo, removalOf, type Changes, type Derived } from './changes.ts';
import { NorthboundIndex, ownerKey } from './northbound-index.ts';
import { firstLease, merged, ownKey, type Lease, type LeaseOf } from './dhcp.ts';
import { announced, dhcpKeys, networkRows, type Announced } from './networks.ts';
import { NORTHBOUND, switchName, TAG, type NorthboundRow, type Projected, type WantedRow } from './northbound.ts';
import { portRows } from './ports.ts';
import { announcements, floatingIpRows, portForwardingRows, routerRows } from './routers.ts';
import { defaultRows, securityGroupRows } from './security-groups.ts';
import type { Counts } from './traffic.ts';

export type OvnNetworkDriver = NetworkDriver & {
  /** Resolves when every host's switch has done what was ensured before. */
  barrier(options?: { timeoutMs?: number }): Promise<void>;
};

/** `gatewayHosts`: the hosts (as OVN calls them, its system-id) through which routers reach physical networks. */
export async function createNetworkDriver({
  northbound,
  gatewayHosts,
  counting,
}: {
  northbound: OvsdbClient;
  gatewayHosts: () => readonly string[];
  /** Without, nothing has ever passed. */
  counting?: { hostId: string; counts: Counts };
}): Promise<OvnNetworkDriver> {
  const index = new NorthboundIndex(await northbound.monitor(NORTHBOUND));
  const removed = new Tombstones();
  // What comes while nobody here writes is somebody else's; what came in between is found by the next comparison.
  const others = { edits: 0, areFollowed: false, writing: 0 };
  index.replica.onRow((table, before, after) => {
    if (others.areFollowed && others.writing === 0 && table !== 'NB_Global' && !isOnlySeen(before, after)) others.edits += 1;
  });
  others.areFollowed = true;
  // The differences are taken from the state that the call before left, so calls go one after another.
  const serial = serialised<'northbound'>();
  const oneByOne = <T>(task: () => Promise<T>): Promise<T> => serial.run('northbound', task);

  const seen = (owner: string): number =>
    Math.max(removed.generation(owner), ...index.owned(owner).map(({ row }) => Number(row.external_ids[TAG.generation] ?? 0)));
  const refuseStale = (resources: { kind: string; id: string; generation: number }[]): void => {
    for (const resource of resources) {
      const newest = seen(ownerKey(resource));
      if (resource.generation < newest)
        throw new DriverError('stale', `Generation ${resource.generation} of ${resource.kind} ${resource.id} is older than ${newest}`);
    }
  };
  const project = (resources: NetworkResource[]): Projected[] => [
    { owner: { kind: 'region', id: 'defaults' }, generation: 1, rows: defaultRows() },
    ...projected(resources, index, gatewayHosts()),
  ];
  /** Everything but what a newer intent was seen of: that stays as it is. */
  const exactChanges = (resources: NetworkResource[]): Changes => {
    const isOutdated = (resource: NetworkResource): boolean => resource.generation < seen(ownerKey(resource));
    const outdated = new Set(resources.filter(isOutdated).map(ownerKey));
    const current = resources.filter((resource) => !outdated.has(ownerKey(resource)));
    return changesTo(index, project(current), { exact: true, kept: outdated });
  };

  /** What is held while the database cannot be reached may be old: nothing is concluded from it. */
  const refuseUnknown = (): void => void index.replica.rows('NB_Global');
  /** Differences are taken from what all writers have committed by now, so that one call makes it right when they rest. */
  const catchUp = async (): Promise<void> => {
    refuseUnknown();
    await northbound.catchUp();
    refuseUnknown();
  };
  const write = (operations: Changes['operations']): ReturnType<OvsdbClient['transact']> => {
    others.writing += 1;
    return northbound.transact(operations, { timeoutMs: 60_000 }).finally(() => (others.writing -= 1));
  };
  const commit = async (changesNow: () => Changes, attempts = 4): Promise<Changes['differences']> => {
    await catchUp();
    const { operations, differences } = changesNow();
    try {
      const results = operations.length > 0 ? await write(operations) : [];
      // A row that was to be changed was deleted by another.
      if (results.some((result) => result.count === 0)) throw new ConflictError('failed', 'The northbound database is being changed by others');
      return differences;
    } catch (error) {
      // Another writer was faster: again, with what it wrote.
      if (error instanceof ConflictError && attempts > 1) return commit(changesNow, attempts - 1);
      throw error;
    }
  };

  return {
    ensure: (resources) =>
      oneByOne(async () => {
        await commit(() => {
          refuseStale(resources);
          return changesTo(index, project(latest(resources)), { exact: false, derived: dependants(resources, index) });
        });
        for (const resource of resources) removed.forget(ownerKey(resource));
      }),

    remove: (resources) =>
      oneByOne(async () => {
        await commit(() => {
          refuseStale(resources);
          return removalOf(index, resources.map(ownerKey));
        });
        for (const resource of resources) removed.remember(ownerKey(resource), resource.generation);
      }),

    reconcile: (resources) => oneByOne(() => commit(() => exactChanges(latest(resources)))),

    compare: (resources) =>
      oneByOne(async () => {
        await catchUp();
        return exactChanges(latest(resources)).differences;
      }),

    portsUp: async (portIds) => portIds.filter((id) => index.find('Logical_Switch_Port', id).some((row) => 'up' in row && row.up === true)),

    edits: () => Promise.resolve(others.edits),

    async traffic() {
      refuseUnknown();
      const policies = [...index.replica.rows('Logical_Router_Policy').values()].filter(({ external_ids: ids }) => ids[TAG.counter] !== undefined);
      if (policies.length === 0 || !counting) return [];
      const counts = await counting.counts(new Set(policies.map(({ match }) => match)));
      const found = new Map<string, Awaited<ReturnType<NetworkDriver['traffic']>>[number]>();
      for (const { match, external_ids: ids } of policies) {
        const about = ids[TAG.counter]!;
        const count = counts.get(match);
        if (!count) continue;
        const sum = found.get(about) ?? { ...(JSON.parse(about) as TrafficCounter & { routerId: string }), hostId: counting.hostId, packets: 0, bytes: 0 };
        found.set(about, { ...sum, packets: sum.packets + count.packets, bytes: sum.bytes + count.bytes });
      }
      return [...found.values()];
    },

    barrier: async ({ timeoutMs = 10_000 } = {}) => {
      const results = await northbound.transact([
        { op: 'mutate', table: 'NB_Global', where: [], mutations: [['nb_cfg', '+=', 1]] },
        { op: 'select', table: 'NB_Global', where: [], columns: ['nb_cfg'] },
      ]);
      const asked = results[1]?.rows?.[0]?.['nb_cfg'];
      if (typeof asked !== 'number') throw new DriverError('unavailable', 'OVN has not been initialised yet');
      await index.replica.until(() => [...index.replica.rows('NB_Global').values()].some(({ hv_cfg }) => hv_cfg >= asked), timeoutMs);
    },
  };
}

function projected(resources: NetworkResource[], index: NorthboundIndex, gatewayHosts: readonly string[]): Projected[] {
  const networks = new Map(resources.filter((resource) => resource.kind === 'network').map((network) => [network.id, network]));
  const announcedBy = (networkId: string): Announced | undefined => {
    const network = networks.get(networkId);
    return network ? announced(network) : writtenAnnouncement(index, networkId);
  };
  const told = new Map([...networks.values()].map((network) => [network.id, leasesOf(network)]));
  const leaseOn = (networkId: string): LeaseOf => {
    const leases = told.get(networkId);
    return (key) => (leases ? leases.get(key) : (index.find('DHCP_Options', key)[0] as Lease | undefined));
  };
  return resources.map((resource) => ({
    owner: { kind: resource.kind, id: resource.id },
    generation: resource.generation,
    rows: resource.kind === 'port' ? portRows(resource, { leaseOf: leaseOn(resource.networkId) }) : rowsOf(resource, { announcedBy, gatewayHosts }),
  }));
}

function rowsOf(resource: Exclude<NetworkResource, { kind: 'port' }>, context: Parameters<typeof routerRows>[1]): WantedRow[] {
  switch (resource.kind) {
    case 'network': return networkRows(resource);
    case 'router': return routerRows(resource, context);
    case 'floating-ip': return floatingIpRows(resource);
    case 'port-forwarding': return portForwardingRows(resource);
    case 'security-group': return securityGroupRows(resource);
    default: throw new DriverError('invalid', `Nothing is known of ${JSON.stringify(resource satisfies never)}`);
  }
}

/** What other resources' rows take from these networks: ports their DHCP options, router ports what they announce. */
function dependants(resources: NetworkResource[], index: NorthboundIndex): Derived[] {
  return resources
    .filter((resource): resource is NetworkSpec => resource.kind === 'network')
    .flatMap((network) => {
      const leases = leasesOf(network);
      const leaseOf: LeaseOf = (key) => leases.get(key);
      return index.onNetwork(network.id).map(({ table, row }): Derived => {
        if (table === 'Logical_Router_Port') {
          const { networks } = row as NorthboundRow<'Logical_Router_Port'>;
          return { table, row, columns: { ipv6_ra_configs: announcements(announced(network), networks) } };
        }
        const subnetIds = (row.external_ids[TAG.subnets] ?? '').split(' ').filter((id) => id !== '');
        if (table === 'DHCP_Options') {
          const lease = firstLease(subnetIds, row.external_ids[TAG.row]?.startsWith('dhcp4/') ? 4 : 6, leaseOf);
          return { table, row, columns: { options: merged(JSON.parse(row.external_ids[TAG.extra] ?? '{}') as Record<string, string>, lease), ...(lease && { cidr: lease.cidr }) } };
        }
        const quiet = (row.external_ids[TAG.quiet] ?? '').split(' ');
        const keysOf = (version: 4 | 6): string[] => {
          if (quiet.includes(String(version))) return [];
          const own = ownKey((row as NorthboundRow<'Logical_Switch_Port'>).name, version);
          if (index.find('DHCP_Options', own).length === 0) return dhcpKeys(subnetIds, version);
          return firstLease(subnetIds, version, leaseOf) ? [own] : [];
        };
        return { table, row, columns: {}, dhcp: { dhcpv4_options: keysOf(4), dhcpv6_options: keysOf(6) } };
      });
    });
}

function leasesOf(network: NetworkSpec): Map<string, Lease> {
  return new Map(networkRows(network).flatMap((row) => (row.table === 'DHCP_Options' ? [[row.key, row.columns as Lease] as const] : [])));
}

function writtenAnnouncement(index: NorthboundIndex, networkId: string): Announced | undefined {
  const text = index.find('Logical_Switch', switchName(networkId))[0]?.external_ids[TAG.announced];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Announced;
  } catch (cause) {
    throw new DriverError('failed', `The switch of network ${networkId} was edited: its announcement cannot be read`, { cause });
  }
}

/** Whether a port carries traffic is written by OVN itself. */
function isOnlySeen(before: object | undefined, after: object | undefined): boolean {
  return before !== undefined && after !== undefined && isDeepStrictEqual({ ...before, up: null }, { ...after, up: null });
}

/** A resource named twice in one call: the last word counts. */
function latest(resources: NetworkResource[]): NetworkResource[] {
  return [...new Map(resources.map((resource) => [ownerKey(resource), resource])).values()];
}

/** Generations of removed resources, so that a late call does not bring them back. The oldest are forgotten first. */
class Tombstones {
  readonly #generations = new Map<string, number>();

  generation(owner: string): number {
    return this.#generations.get(owner) ?? 0;
  }

  remember(owner: string, generation: number): void {
    this.#generations.delete(owner);
    this.#generations.set(owner, generation);
    if (this.#generations.size > MOST_TOMBSTONES) this.#generations.delete(this.#generations.keys().next().value as string);
  }

  forget(owner: string): void {
    this.#generations.delete(owner);
  }
}

const MOST_TOMBSTONES = 20_000;
