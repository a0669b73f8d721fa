/** Real things of those who operate compute and placement: for generated requests (things.ts, bodies.ts, preparations.ts). */
import type { Person, TestCloud } from './cloud.ts';

type Making = { cloud: TestCloud; owner: Person; admin: Person; get(name: string): Promise<string>; unique: () => string };
type Things = { get(name: never): Promise<string> };

export const operatorMakers = {
  aggregate: async ({ admin, unique }: Making) => String((await admin.compute.aggregates.create({ body: { aggregate: { name: unique() } } })).body.aggregate.id),
  'aggregate with a host': async ({ admin, get, unique }: Making) => {
    const { id } = (await admin.compute.aggregates.create({ body: { aggregate: { name: unique() } } })).body.aggregate;
    await admin.compute.aggregates.addHost({ params: { aggregate_id: String(id) }, body: { add_host: { host: await get('host name') } } });
    return String(id);
  },
  'service without servers': async ({ admin }: Making) => String((await admin.compute.hypervisors.list()).body.hypervisors.at(-1)?.id ?? ''),
};

export const operatorPaths = {
  'compute /os-aggregates/': 'aggregate',
  'compute /os-services/': 'service without servers',
} as const;

export const operatorSpecials = {
  'compute.hypervisors.search': { hypervisor_id: 'host name' },
  'compute.hypervisors.servers': { hypervisor_id: 'host name' },
  'compute.aggregates.removeHost': { aggregate_id: 'aggregate with a host' },
} as const;

const ofHost = async (things: Things, more: object = {}) => ({ host: await things.get('host name' as never), binary: 'nova-compute', ...more });

export const operatorBodies = {
  'compute.services.enable': (things: Things) => ofHost(things),
  'compute.services.disable': (things: Things) => ofHost(things),
  'compute.services.disableWithReason': (things: Things) => ofHost(things, { disabled_reason: 'being mended' }),
  'compute.services.forceDown': (things: Things) => ofHost(things, { forced_down: true }),
  'compute.aggregates.addHost': async (things: Things) => ({ add_host: { host: await things.get('host name' as never) } }),
  'compute.aggregates.removeHost': async (things: Things) => ({ remove_host: { host: await things.get('host name' as never) } }),
};

export const operatorPreparations = {
  'compute.services.delete': {
    before: async (cloud: TestCloud) => {
      const { compute } = cloud.admin;
      const last = (await compute.hypervisors.list()).body.hypervisors.at(-1)?.hypervisor_hostname ?? '';
      for (const { servers = [] } of (await compute.hypervisors.servers({ params: { hypervisor_id: last } })).body.hypervisors)
        for (const { uuid } of servers) await compute.servers.delete({ params: { server_id: uuid } });
      await cloud.settle();
    },
  },
};

/** What is everybody's, or the operators' own: no project's. */
export const operatorThings = ['aggregate', 'aggregate with a host', 'service without servers'] as const;
