/** The doors of services, hosts and pools. */
import { hosts as hostsContract, pools as poolsContract, services as servicesContract } from '../../contract/volume/services.ts';
import { badRequest, notFound } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { capabilities, listServices, pool, setService, useOfHost, type ProjectUse, type Service } from './services.ts';
import { micros } from './shapes.ts';
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

function shown({ host, binary, disabled, disabledReason, seenAt, up }: Service) {
  return {
    binary,
    host,
    zone: availabilityZone,
    status: disabled ? ('disabled' as const) : ('enabled' as const),
    state: up ? ('up' as const) : ('down' as const),
    updated_at: micros(seenAt),
    disabled_reason: disabledReason,
    cluster: null,
    ...(binary === 'cinder-volume' ? { replication_status: 'disabled', active_backend_id: null, frozen: false } : {}),
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
  async list({ tx, query }) {
    if (query.name !== undefined && query.name !== pool) return { pools: [] };
    return { pools: [{ name: pool, ...(query.detail === true ? { capabilities: await capabilities(tx) } : {}) }] };
  },
});
