/** Real things of those who operate compute and placement: for generated requests (things.ts, bodies.ts, preparations.ts). */
import { removed } from '../contract/compute/removed.ts';
import { compute } from '../contract/compute/service.ts';
import { systemRandom } from '../kit/clock.ts';
import type { Person, TestCloud } from './cloud.ts';
import { networkOperatorThings } from './network-things.ts';

type Making = { cloud: TestCloud; owner: Person; admin: Person; get(name: string): Promise<string>; unique: () => string };
type Things = { get(name: never): Promise<string> };

export const operatorMakers = {
  aggregate: async ({ admin, unique }: Making) => String((await admin.compute.aggregates.create({ body: { aggregate: { name: unique() } } })).body.aggregate.id),
  'aggregate with a host': async ({ admin, get, unique }: Making) => {
    const { id } = (await admin.compute.aggregates.create({ body: { aggregate: { name: unique() } } })).body.aggregate;
    await admin.compute.aggregates.addHost({ params: { aggregate_id: String(id) }, body: { add_host: { host: await get('host name') } } });
    return String(id);
  },
  'service without servers': async ({ admin }: Making) => String((await admin.client(compute).hypervisors.list()).body.hypervisors.at(-1)?.id ?? ''),
  provider: async ({ admin, unique }: Making) => {
    const { uuid } = (await admin.placement.providers.create({ body: { name: unique() } })).body;
    await admin.placement.providers.setInventories({ params: { uuid }, body: { resource_provider_generation: 0, inventories: { VCPU: { total: 8 } } } });
    return uuid;
  },
  'consumer of a provider': async ({ owner, admin, get }: Making) => {
    const consumer_uuid = systemRandom.uuid();
    const body = { allocations: { [await get('provider')]: { resources: { VCPU: 1 } } }, project_id: owner.projectId, user_id: owner.userId, consumer_generation: null, consumer_type: 'INSTANCE' };
    await admin.placement.allocations.set({ params: { consumer_uuid }, body });
    return consumer_uuid;
  },
  'own resource class': async ({ admin, unique }: Making) => {
    const name = `CUSTOM_${unique().toUpperCase()}`;
    await admin.placement.resourceClasses.create({ body: { name } });
    return name;
  },
  'own trait': async ({ admin, unique }: Making) => {
    const name = `CUSTOM_${unique().toUpperCase()}`;
    await admin.placement.traits.create({ params: { name } });
    return name;
  },
  nothing: async () => 'nothing',
  'moment of an audit': async () => '2026-05-01 00:00:00',
};

/** What answers that it is gone is asked about nothing. */
const goneRoutes = Object.entries(removed).flatMap(([name, { path }]) => [...path.matchAll(/\{(\w+)\}/g)].map(([, param = '']) => ({ name, before: path.slice(0, path.indexOf(`{${param}}`)), param })));

export const operatorPaths = {
  ...(Object.fromEntries(goneRoutes.filter(({ param }) => param !== 'server_id').map(({ before }) => [`compute ${before}`, 'nothing'])) as Record<string, 'nothing'>),
  'placement /resource_providers/': 'provider',
  'placement /allocations/': 'consumer of a provider',
  'placement /resource_classes/': 'own resource class',
  'placement /traits/': 'own trait',
  'compute /os-quota-class-sets/': 'quota class',
  'compute /os-hosts/': 'host name',
  'compute /os-instance_usage_audit_log/': 'moment of an audit',
  'compute /os-aggregates/': 'aggregate',
  'compute /os-services/': 'service without servers',
} as const;

export const operatorSpecials = {
  ...(Object.fromEntries(goneRoutes.filter(({ param }) => param === 'server_id').map(({ name }) => [`compute.removed.${name}`, { server_id: 'nothing' }])) as Record<string, { server_id: 'nothing' }>),
  // Beside them are those that are gone.
  'compute.networkProxies.show': { network_id: 'network' },
  'compute.tenantNetworkProxies.show': { network_id: 'network' },
  'compute.hypervisors.search': { hypervisor_id: 'host name' },
  'compute.hypervisors.servers': { hypervisor_id: 'host name' },
  'compute.aggregates.removeHost': { aggregate_id: 'aggregate with a host' },
} as const;

const generationOf = async ({ admin, get }: { admin: Person; get(name: never): Promise<string> }) => (await admin.placement.providers.show({ params: { uuid: await get('provider' as never) } })).body.generation;

const ofHost = async (things: Things, more: object = {}) => ({ host: await things.get('host name' as never), binary: 'nova-compute', ...more });

export const operatorBodies = {
  'placement.resourceClasses.create': async () => ({ name: `CUSTOM_${systemRandom.uuid().replaceAll('-', '').toUpperCase()}` }),
  'compute.externalEvents.create': async (things: Things) => ({ events: [{ name: 'network-changed', server_uuid: await things.get('server' as never) }] }),
  'compute.flavorExtraSpecs.create': async () => ({ extra_specs: { 'hw:cpu_policy': 'shared' } }),
  'compute.quotaClasses.update': async () => ({ quota_class_set: { instances: 12 } }),
  'compute.services.update': async () => ({ status: 'enabled' }),
  'compute.services.enable': (things: Things) => ofHost(things),
  'compute.services.disable': (things: Things) => ofHost(things),
  'compute.services.disableWithReason': (things: Things) => ofHost(things, { disabled_reason: 'being mended' }),
  'compute.services.forceDown': (things: Things) => ofHost(things, { forced_down: true }),
  'compute.aggregates.addHost': async (things: Things) => ({ add_host: { host: await things.get('host name' as never) } }),
  'compute.aggregates.removeHost': async (things: Things) => ({ remove_host: { host: await things.get('host name' as never) } }),
};

const gone = { refused: { status: 410, because: 'nova has it no longer, and says so' } };
const cannot = { refused: { status: 501, because: "no driver does this to its host; libvirt's of nova does not either" } };

const claimOf = async ({ alice }: TestCloud, things: Things, more: object = {}) => ({ allocations: { [await things.get('provider' as never)]: { resources: { VCPU: 1 } } }, project_id: alice.projectId, user_id: alice.userId, consumer_type: 'INSTANCE', ...more });

/** With the generation that the provider has by then. */
const atGeneration = (body: object) => ({ body: async ({ admin }: TestCloud, { get }: Things) => ({ ...body, resource_provider_generation: await generationOf({ admin, get }) }) });

export const operatorPreparations = {
  'placement.usages.show': { query: async ({ alice }: TestCloud) => ({ project_id: alice.projectId }) },
  'placement.candidates.list': { query: async () => ({ resources: 'VCPU:1' }) },
  'placement.providers.setInventories': atGeneration({ inventories: { VCPU: { total: 4 } } }),
  'placement.providers.createInventory': atGeneration({ resource_class: 'DISK_GB', total: 10 }),
  'placement.providers.updateInventory': atGeneration({ total: 16 }),
  'placement.providers.setAggregates': atGeneration({ aggregates: [systemRandom.uuid()] }),
  'placement.providers.setTraits': atGeneration({ traits: ['HW_CPU_X86_AVX'] }),
  'placement.allocations.set': { body: (cloud: TestCloud, things: Things) => claimOf(cloud, things, { consumer_generation: 1 }) },
  'placement.allocations.setMany': { body: async (cloud: TestCloud, things: Things) => ({ [systemRandom.uuid()]: await claimOf(cloud, things, { consumer_generation: null }) }) },
  'placement.reshaper.reshape': {
    body: async ({ admin }: TestCloud, { get }: Things) => ({ inventories: { [await get('provider' as never)]: { resource_provider_generation: await generationOf({ admin, get }), inventories: { VCPU: { total: 4 } } } }, allocations: {} }),
  },
  ...Object.fromEntries(Object.keys(removed).map((name) => [`compute.removed.${name}`, gone])),
  ...Object.fromEntries(['update', 'reboot', 'shutdown', 'startup'].map((name) => [`compute.hosts.${name}`, cannot])),
  'compute.services.delete': {
    before: async (cloud: TestCloud) => {
      // Also what waits elsewhere, and may come back.
      const { servers } = cloud.admin.compute;
      for (const { id } of (await servers.list({ query: { all_tenants: '1' } })).body.servers) await servers.delete({ params: { server_id: id } });
      await cloud.settle();
    },
  },
};

/** What is everybody's, or the operators' own: no project's. */
export const operatorThings = ['aggregate', 'aggregate with a host', 'service without servers', 'nothing', 'moment of an audit', 'quota class', 'provider', 'own resource class', 'own trait', 'consumer of a provider', ...networkOperatorThings] as const;
