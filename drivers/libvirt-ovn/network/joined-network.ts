/**
 * The network of a host that has joined. OVN's northbound database is the first machine's, and what follows from it comes by the southbound one;
 * of a network this host is told what its guests' metadata service needs, and no more.
 */
import { DriverError, type Driver, type NetworkDriver, type NetworkSpec } from '../../driver.ts';
import { fromDatum } from '../ovsdb-values.ts';
import type { LocalSwitch } from './plug.ts';

export function createJoinedNetworkDriver({ database }: LocalSwitch): NetworkDriver {
  return {
    async ensure(resources) {
      if (resources.some(({ kind }) => kind !== 'network')) throw elsewhere();
    },
    async remove(resources) {
      if (resources.some(({ kind }) => kind !== 'network')) throw elsewhere();
    },
    reconcile: () => Promise.reject(elsewhere()),
    compare: () => Promise.reject(elsewhere()),
    async portsUp(portIds) {
      const [found] = await database.transact([{ op: 'select', table: 'Interface', where: [], columns: ['external_ids'] }]);
      // ovn-controller says so when the switch has all of the port's flows: ovn-controller(8), ovn-installed.
      const up = new Set((found?.rows ?? []).map((row) => fromDatum('map', row['external_ids'] ?? ['map', []]) as Record<string, string>).filter((ids) => ids['ovn-installed'] === 'true').map((ids) => ids['iface-id']));
      return portIds.filter((id) => up.has(id));
    },
    edits: () => Promise.resolve(0),
    // Routers reach physical networks on the first machine, and count there.
    traffic: () => Promise.resolve([]),
  };
}

/** The driver, for servers whose networks it can carry. `network`: as this host was told of it. */
export function onTunnelledNetworks(driver: Driver, network: (id: string) => Promise<NetworkSpec | undefined>): Driver {
  return {
    ...driver,
    servers: {
      ...driver.servers,
      async ensure(spec) {
        for (const { networkId } of spec.nics) {
          const known = await network(networkId);
          if (!known) throw new DriverError('unavailable', `This host was not yet told of the network ${networkId}`);
          if (known.physicalNetwork !== null) throw new DriverError('exhausted', `The network ${networkId} is a physical one of the region's first machine, and no tunnel leads there`);
        }
        return driver.servers.ensure(spec);
      },
    },
  };
}

function elsewhere(): DriverError {
  return new DriverError('invalid', "The networks of this region are written on its first machine");
}
