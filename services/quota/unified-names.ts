/** What is counted here, under the names by which limits are registered with identity (OpenStack's unified limits). */
import type { QuotaResource } from './quotas.ts';

type Named = {
  /** Of the service, as in the catalog; the first is ours. */
  types: readonly string[];
  name: string;
  /** How much of ours is one of theirs. */
  unit?: number;
};

const compute = ['compute'];
const image = ['image'];
const network = ['network'];
const volume = ['volumev3', 'block-storage', 'block-store', 'volume', 'volumev2'];

/** nova/limit/utils.py, glance/quota/keystone.py; cinder and neutron have none of their own, so they are called as in their quotas. */
const names: Readonly<Partial<Record<QuotaResource, Named>>> = {
  'compute.instances': { types: compute, name: 'servers' },
  'compute.cores': { types: compute, name: 'class:VCPU' },
  'compute.ram': { types: compute, name: 'class:MEMORY_MB' },
  'compute.key_pairs': { types: compute, name: 'server_key_pairs' },
  'compute.server_groups': { types: compute, name: 'server_groups' },
  'volume.volumes': { types: volume, name: 'volumes' },
  'volume.snapshots': { types: volume, name: 'snapshots' },
  'volume.gigabytes': { types: volume, name: 'gigabytes' },
  'volume.per_volume_gigabytes': { types: volume, name: 'per_volume_gigabytes' },
  'volume.backups': { types: volume, name: 'backups' },
  'volume.backup_gigabytes': { types: volume, name: 'backup_gigabytes' },
  'volume.groups': { types: volume, name: 'groups' },
  'network.network': { types: network, name: 'network' },
  'network.subnet': { types: network, name: 'subnet' },
  'network.subnetpool': { types: network, name: 'subnetpool' },
  'network.port': { types: network, name: 'port' },
  'network.router': { types: network, name: 'router' },
  'network.floatingip': { types: network, name: 'floatingip' },
  'network.security_group': { types: network, name: 'security_group' },
  'network.security_group_rule': { types: network, name: 'security_group_rule' },
  'network.rbac_policy': { types: network, name: 'rbac_policy' },
  'image.images': { types: image, name: 'image_count_total' },
  'image.uploads': { types: image, name: 'image_count_uploading' },
  'image.bytes': { types: image, name: 'image_size_total', unit: 2 ** 20 },
};

const resources = new Map(Object.entries(names).flatMap(([resource, { types, name, unit = 1 }]) => types.map((type) => [`${type} ${name}`, { resource: resource as QuotaResource, unit }] as const)));

/** Undefined: nothing here is counted under that name. */
export function countedAs(serviceType: string, name: string): { resource: QuotaResource; unit: number } | undefined {
  return resources.get(`${serviceType} ${name}`);
}

export function unifiedNameOf(resource: string): (Named & { unit: number }) | undefined {
  const named = Object.hasOwn(names, resource) ? names[resource as QuotaResource] : undefined;
  return named && { unit: 1, ...named };
}
