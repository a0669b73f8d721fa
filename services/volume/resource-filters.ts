/** By what people who are no administrators may filter lists: etc/cinder/resource_filters.json. */
import { badRequest } from '../../kit/fault.ts';
import type { Caller } from '../../kit/http/caller.ts';

const filters = {
  volume: ['name', 'status', 'metadata', 'bootable', 'migration_status', 'availability_zone', 'group_id', 'size', 'created_at', 'updated_at', 'consumes_quota'],
  backup: ['name', 'status', 'volume_id'],
  snapshot: ['name', 'status', 'volume_id', 'metadata', 'availability_zone', 'consumes_quota'],
  group: ['name'],
  group_snapshot: ['name', 'status', 'group_id'],
  attachment: ['volume_id', 'status', 'instance_id', 'attach_status'],
  message: ['resource_uuid', 'resource_type', 'event_id', 'request_id', 'message_level'],
  pool: ['name', 'volume_type'],
  volume_type: ['is_public', 'extra_specs'],
} as const;

export function filtersOf(resource: string | undefined): { resource: string; filters: string[] }[] {
  return Object.entries(filters)
    .filter(([name]) => resource === undefined || resource === name)
    .map(([name, allowed]) => ({ resource: name, filters: [...allowed] }));
}

/** What every list takes besides. */
const ofLists = ['limit', 'marker', 'offset', 'sort', 'sort_key', 'sort_dir', 'all_tenants', 'with_count', 'list_volume', 'glance_metadata'];

/** cinder/api/common.py, reject_invalid_filters: administrators may filter by anything. */
export function demandKnownFilters(caller: Caller, resource: keyof typeof filters, given: readonly string[]): void {
  if (caller.isAdmin) return;
  const allowed = new Set<string>([...filters[resource], ...ofLists]);
  const wrong = given.filter((name) => !allowed.has(name.replace(/~$/, '')));
  if (wrong.length > 0) throw badRequest(`Invalid filters ${wrong.join(',')} are found in query options.`);
}
