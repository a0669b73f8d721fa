/** The doors of services, hosts and pools. */
import { clusters as clustersContract, workers as workersContract } from '../../contract/volume/clusters.ts';
import { capabilities as capabilitiesContract, hosts as hostsContract, pools as poolsContract, serviceActions as serviceActionsContract, services as servicesContract } from '../../contract/volume/services.ts';
import { badRequest, notFound } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import { reconcileVolumes } from './reconciler.ts';
import { capabilities as capabilitiesOf, demandReplicated, getLevels, isStorage, listServices, pool, poolTakes, setFrozen, setLevels, setService, useOfHost, type ProjectUse, type Service } from './services.ts';
import { filtersOf } from './resource-filters.ts';
import { isTrue, micros } from './shapes.ts';
import { typeForVolume } from './types.ts';
import { availabilityZone } from './volumes.ts';

export const services = implement(servicesContract, {
  list: async (request) => ({ services: (await listServices(request, request.query)).map(shown) }),

  async enable(request) {
    const service = named(request.body);
    await setService(request, service, { disabled: false });
    return { ...answer(request.body), disabled: false, status: 'enabled' as const, disabled_reason: null };
  },

  async disable(request) {
    await setService(request, named(request.body), { disabled: true });
    return { ...answer(request.body), disabled: true, status: 'disabled' as const, disabled_reason: null };
  },

  async disableWithReason(request) {
    const { disabled_reason: reason } = request.body;
    await setService(request, named(request.body), { disabled: true, reason });
    return { ...answer(request.body), disabled: true, status: 'disabled' as const, disabled_reason: reason };
  },
});

type Named = { host: string; binary?: string; service?: string };

function named({ host, binary, service }: Named): { host: string; binary: string } {
  const wanted = binary ?? service;
  if (wanted === undefined) throw badRequest('Missing required element \'binary\' in request body.');
  return { host, binary: wanted };
}

function answer({ host, binary = '', service = '' }: Named) {
  return { host, binary, service };
}

function shown({ host, binary, disabled, disabledReason, seenAt, up, frozen }: Service) {
  return {
    binary,
    host,
    zone: availabilityZone,
    status: disabled ? ('disabled' as const) : ('enabled' as const),
    state: up ? ('up' as const) : ('down' as const),
    updated_at: micros(seenAt),
    disabled_reason: disabledReason,
    cluster: null,
    ...(binary === 'cinder-volume' ? { replication_status: 'disabled', active_backend_id: null, frozen, backend_state: up ? ('up' as const) : ('down' as const) } : {}),
  };
}

export const hosts = implement(hostsContract, {
  async list(request) {
    const found = await listServices(request);
    const zone = request.query.zone ?? '';
    return {
      hosts: found
        .filter(({ disabled }) => !disabled && (zone === '' || zone === availabilityZone))
        .map(({ host, binary, seenAt, up }) => ({ host_name: host, service: binary, zone: availabilityZone, 'service-status': up ? ('available' as const) : ('unavailable' as const), 'service-state': 'enabled' as const, 'last-update': micros(seenAt) })),
    };
  },

  async show(request) {
    const host = request.params.host_name;
    const use = await useOfHost(request, host);
    return { host: [together(use), ...use].map((each) => ({ resource: resource(host, each) })) };
  },

  async update(request) {
    const host = request.params.host_name;
    const [found] = (await listServices(request)).filter((service) => service.host === host);
    if (!found) throw notFound(`Host ${host} could not be found.`);
    const disabled = request.body.status === 'disable';
    await setService(request, found, { disabled });
    return { host, status: disabled ? ('disabled' as const) : ('enabled' as const) };
  },
});

function together(use: readonly ProjectUse[]): ProjectUse {
  const sum = (of: (each: ProjectUse) => number) => use.reduce((total, each) => total + of(each), 0);
  return { projectId: '(total)', volumes: sum(({ volumes }) => volumes), volumeGiB: sum(({ volumeGiB }) => volumeGiB), snapshots: sum(({ snapshots }) => snapshots), snapshotGiB: sum(({ snapshotGiB }) => snapshotGiB) };
}

function resource(host: string, { projectId, volumes, volumeGiB, snapshots, snapshotGiB }: ProjectUse) {
  return { host, project: projectId, volume_count: String(volumes), total_volume_gb: String(volumeGiB), snapshot_count: String(snapshots), total_snapshot_gb: String(snapshotGiB) };
}

export const pools = implement(poolsContract, {
  async list(request) {
    const { tx, query } = request;
    if (query.name !== undefined && query.name !== pool) return { pools: [] };
    if (query.volume_type !== undefined && !(await poolTakes(tx, (await typeForVolume(request, query.volume_type)).extraSpecs))) return { pools: [] };
    return { pools: [{ name: pool, ...(query.detail === true ? { capabilities: await capabilitiesOf(tx) } : {}) }] };
  },
});

export const serviceActions = implement(serviceActionsContract, {
  async freeze(request) {
    await setFrozen(request, request.body, true);
    return undefined;
  },

  async thaw(request) {
    await setFrozen(request, request.body, false);
    return undefined;
  },

  failoverHost: (request) => demandReplicated(request, request.body),
  failover: (request) => demandReplicated(request, request.body),

  async setLog(request) {
    await setLevels(request, request.body);
    return undefined;
  },

  getLog: async (request) => ({ log_levels: (await getLevels(request, request.body)).map(({ service, levels }) => ({ binary: service.binary, host: service.host, levels })) }),
});

export const capabilities = implement(capabilitiesContract, {
  async show(request) {
    const host = request.params.host_name;
    if (!isStorage(host)) throw notFound(`Can't find service: ${host}`);
    const { vendor_name: vendor, volume_backend_name: backend, pool_name: poolName, driver_version: version, storage_protocol: protocol } = await capabilitiesOf(request.tx);
    const property = (title: string, description: string) => ({ title, description, type: 'boolean' });
    return {
      namespace: `OS::Storage::Capabilities::${host}`,
      vendor_name: String(vendor),
      volume_backend_name: String(backend),
      pool_name: String(poolName),
      driver_version: String(version),
      storage_protocol: String(protocol),
      display_name: null,
      description: null,
      visibility: null,
      replication_targets: [],
      properties: { thin_provisioning: property('Thin Provisioning', 'Sets thin provisioning.'), compression: property('Compression', 'Enables compression.'), qos: property('QoS', 'Enables QoS.'), replication_enabled: property('Replication', 'Enables replication.') },
    };
  },

  resourceFilters: (request) => Promise.resolve({ resource_filters: filtersOf(request.query.resource) }),
});

/** There are none: workers share their work without. */
export const clusters = implement(clustersContract, {
  list: () => Promise.resolve({ clusters: [] }),
  detail: () => Promise.resolve({ clusters: [] }),
  show: (request) => Promise.reject(noCluster(request.params.cluster_name)),
  enable: (request) => Promise.reject(noCluster(request.body.name)),
  disable: (request) => Promise.reject(noCluster(request.body.name)),
});

function noCluster(name: string) {
  return notFound(`Cluster ${name} could not be found.`);
}

export function workers(parts: Pick<RegionParts, 'database' | 'clock'>) {
  return implement(workersContract, {
    /** What nobody works on any more is an error at once, and not only when the reconciler comes by. */
    async cleanup(request) {
      // The clients' own body may be left out.
      const wish: Wanted = request.body ?? {};
      await reconcileVolumes(parts);
      return request.commit(async (tx) => {
        const all = await listServices({ tx, now: parts.clock.now() });
        const cleaning = all
          .map((service, index) => ({ ...service, id: index + 1 }))
          .filter(({ host, binary, up, disabled, id }) => (wish.host === undefined || wish.host === host) && (wish.binary === undefined || wish.binary === binary) && up === isTrue(wish.is_up) && (wish.disabled === undefined || disabled === isTrue(wish.disabled)) && (wish.service_id == null || Number(wish.service_id) === id) && (wish.cluster_name == null || wish.cluster_name === ''));
        return { cleaning: cleaning.map(({ id, host, binary }) => ({ id, host, binary, cluster_name: null })), unavailable: [] };
      });
    },
  });
}

type Wanted = { host?: string; binary?: string; is_up?: boolean | string; disabled?: boolean | string; service_id?: number | string | null; cluster_name?: string | null };
