/**
 * The region's network on OVN: its northbound database as a projection of the resources that the caller wants.
 * Nothing is remembered here but the generations of what was removed; everything else is read from the database itself.
 */
import { DriverError, type NetworkDriver, type NetworkResource, type NetworkSpec } from '../../driver.ts';
import { serialised } from '../../../kit/serial.ts';
import { ConflictError, type OvsdbClient } from '../ovsdb.ts';
import { changesTo, removalOf, type Changes, type Derived } from './changes.ts';
import { NorthboundIndex, ownerKey } from './northbound-index.ts';
import { announced, dhcpKeys, networkRows, type Announced } from './networks.ts';
import { NORTHBOUND, switchName, TAG, type NorthboundRow, type Projected, type WantedRow } from './northbound.ts';
import { portRows } from './ports.ts';
import { announcements, floatingIpRows, routerRows } from './routers.ts';
import { defaultRows, securityGroupRows } from './security-groups.ts';

export type OvnNetworkDriver = NetworkDriver & {
  /** Resolves when every host's switch has done what was ensured before. */
  barrier(options?: { timeoutMs?: number }): Promise<void>;
};

/** `gatewayHosts`: the hosts (as OVN calls them, its system-id) through which routers reach physical networks. */
export async function createNetworkDriver({
  northbound,
  gatewayHosts,
}: {
  northbound: OvsdbClient;
  gatewayHosts: () => readonly string[];
}): Promise<OvnNetworkDriver> {
  const index = new NorthboundIndex(await northbound.monitor(NORTHBOUND));
  const removed = new Tombstones();
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
  const commit = async (changesNow: () => Changes, attempts = 4): Promise<Changes['differences']> => {
    await catchUp();
    const { operations, differences } = changesNow();
    try {
      const results = operations.length > 0 ? await northbound.transact(operations, { timeoutMs: 60_000 }) : [];
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
  return resources.map((resource) => ({
    owner: { kind: resource.kind, id: resource.id },
    generation: resource.generation,
    rows: rowsOf(resource, { announcedBy, gatewayHosts }),
  }));
}

function rowsOf(resource: NetworkResource, context: Parameters<typeof routerRows>[1]): WantedRow[] {
  switch (resource.kind) {
    case 'network': return networkRows(resource);
    case 'router': return routerRows(resource, context);
    case 'floating-ip': return floatingIpRows(resource);
    case 'security-group': return securityGroupRows(resource);
    case 'port': return portRows(resource);
    default: throw new DriverError('invalid', `Nothing is known of ${JSON.stringify(resource satisfies never)}`);
  }
}

/** What other resources' rows take from these networks: ports their DHCP options, router ports what they announce. */
function dependants(resources: NetworkResource[], index: NorthboundIndex): Derived[] {
  return resources
    .filter((resource): resource is NetworkSpec => resource.kind === 'network')
    .flatMap((network) =>
      index.onNetwork(network.id).map(({ table, row }): Derived => {
        if (table === 'Logical_Router_Port') {
          const { networks } = row as NorthboundRow<'Logical_Router_Port'>;
          return { table, row, columns: { ipv6_ra_configs: announcements(announced(network), networks) } };
        }
        const subnetIds = (row.external_ids[TAG.subnets] ?? '').split(' ').filter((id) => id !== '');
        return { table, row, columns: {}, dhcp: dhcpKeys(subnetIds) };
      }),
    );
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
