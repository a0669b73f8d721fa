/**
 * What a host knows about its guests' metadata: kept on disk, so that guests are answered across a restart of the agent
 * and without the control plane.
 */
import { join } from 'node:path';
import type { Driver, GuestMetadata, NetworkSpec, ServerSpec } from '../../driver.ts';
import { openRecords, type Records } from '../records.ts';
import type { MetadataLookup, MetadataService } from './service.ts';

type Guest = { places: { networkId: string; addresses: string[] }[]; metadata: GuestMetadata };

export type Guests = {
  lookup: MetadataLookup;
  /** The driver, whose guests are answered from before their first boot until they are gone. */
  around(driver: Driver, service: MetadataService): Driver;
  /** Serves again what was served before this process began. */
  resume(service: MetadataService): Promise<void>;
  /** As the host was told of it. */
  network(id: string): Promise<NetworkSpec | undefined>;
};

export async function openGuests(stateDir: string): Promise<Guests> {
  const records: Records<Guest> = await openRecords(join(stateDir, 'records', 'guests'));
  const networks: Records<NetworkSpec> = await openRecords(join(stateDir, 'records', 'networks'));
  const guests = new Map<string, Guest>();
  const byAddress = new Map<string, string>();
  for (const { id, content } of await records.list()) learn(id, content);

  function learn(id: string, guest: Guest): void {
    forget(id);
    guests.set(id, guest);
    for (const key of keysOf(guest)) byAddress.set(key, id);
  }

  function forget(id: string): void {
    for (const key of keysOf(guests.get(id))) if (byAddress.get(key) === id) byAddress.delete(key);
    guests.delete(id);
  }

  const usedNetworks = () => new Set([...guests.values()].flatMap(({ places }) => places.map(({ networkId }) => networkId)));

  async function serve(service: MetadataService, networkIds: Iterable<string>): Promise<void> {
    for (const id of networkIds) {
      const network = await networks.find(id);
      if (network) await service.ensureNetwork(network);
    }
  }

  return {
    lookup(networkId, sourceAddress) {
      const guest = guests.get(byAddress.get(keyOf(networkId, sourceAddress)) ?? '');
      return guest && { metadata: guest.metadata };
    },
    around: (driver, service) => ({
      ...driver,
      servers: {
        ...driver.servers,
        async ensure(spec) {
          const guest = guestOf(spec);
          await records.accept(spec.id, spec.generation);
          await records.save(spec.id, guest);
          const before = guests.get(spec.id);
          learn(spec.id, guest);
          await serve(service, guest.places.map(({ networkId }) => networkId));
          const state = await driver.servers.ensure(spec);
          await release(service, before);
          return state;
        },
        async remove(server) {
          await driver.servers.remove(server);
          const before = guests.get(server.id);
          forget(server.id);
          await records.remove(server.id);
          await release(service, before);
        },
      },
      networks: {
        ...driver.networks,
        async ensure(resources) {
          await driver.networks.ensure(resources);
          await keep(service, resources.filter((resource) => resource.kind === 'network'));
        },
        async remove(resources) {
          await driver.networks.remove(resources);
          for (const { kind, id } of resources) if (kind === 'network') await networks.remove(id);
        },
        async reconcile(resources) {
          const differences = await driver.networks.reconcile(resources);
          await keep(service, resources.filter((resource) => resource.kind === 'network'));
          return differences;
        },
      },
    }),
    network: (id) => networks.find(id),
    async resume(service) {
      const used = usedNetworks();
      await serve(service, used);
      await service.removeOthers([...used]);
    },
  };

  /** Networks as they are now; those with guests here are served so at once. */
  async function keep(service: MetadataService, specs: NetworkSpec[]): Promise<void> {
    const used = usedNetworks();
    for (const network of specs) {
      if (JSON.stringify(await networks.find(network.id)) === JSON.stringify(network)) continue;
      await networks.save(network.id, network);
      if (used.has(network.id)) await service.ensureNetwork(network);
    }
  }

  /** The last guest of a network takes its service with it. */
  async function release(service: MetadataService, before: Guest | undefined): Promise<void> {
    const used = usedNetworks();
    for (const { networkId } of before?.places ?? []) if (!used.has(networkId)) await service.removeNetwork(networkId);
  }

  function guestOf({ nics, metadata }: ServerSpec): Guest {
    return { metadata, places: nics.map(({ networkId, addresses }) => ({ networkId, addresses })) };
  }
}

function keyOf(networkId: string, address: string): string {
  return `${networkId} ${address}`;
}

function keysOf(guest: Guest | undefined): string[] {
  return (guest?.places ?? []).flatMap(({ networkId, addresses }) => addresses.map((address) => keyOf(networkId, address)));
}
