/** What flavors can ask of hosts besides, as Nova checks it from 2.86 on. nova/api/validation/extra_specs/ */
import { Type, type TSchema } from 'typebox';
import { exactly } from './fields.ts';

const key = '^[a-zA-Z0-9-_:. ]{1,255}$';
const value = Type.Union([Type.String({ maxLength: 255 }), Type.Number()]);

/** Before 2.86: any key, any value. */
export const anySpecs = Type.Record(Type.String({ pattern: key }), value, { additionalProperties: false });
export const anySpec = Type.Record(Type.String({ pattern: key }), value, { additionalProperties: false, minProperties: 1, maxProperties: 1 });

const matching = (pattern: string): TSchema => Type.String({ maxLength: 255, pattern: `^(${pattern})$` });
const oneOf = (...values: string[]): TSchema => matching(values.join('|'));
const truth = matching('(?:[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|[tT]|[fF]|[yY][eE][sS]|[nN][oO]|[yY]|[nN]|[oO][nN]|[oO][fF][fF]|1|0)');
const integer = Type.Union([matching('-?[0-9]{1,15}'), Type.Integer()]);
const natural = Type.Union([matching('[0-9]{1,15}'), Type.Integer({ minimum: 0 })]);
const positive = Type.Union([matching('0*[1-9][0-9]{0,14}'), Type.Integer({ minimum: 1 })]);
const cpus = matching('\\^?[0-9]+((-[0-9]+)?(,\\^?[0-9]+(-[0-9]+)?)?)*');
const group = '([a-zA-Z0-9_-]{1,64})?';

/** Names as regular expressions, and what each may say. */
const known: Record<string, TSchema> = {
  hide_hypervisor_id: truth,
  group_policy: oneOf('isolate', 'none'),
  'accel:device_profile': value,
  'aggregate_instance_extra_specs:.+': value,
  'capabilities:(id|uuid|service_id|host|vcpus|memory_mb|local_gb|vcpus_used|memory_mb_used|local_gb_used|hypervisor_type|hypervisor_version|hypervisor_hostname|free_ram_mb|free_disk_gb|current_workload|running_vms|disk_available_least|host_ip|mapped|cpu_allocation_ratio|ram_allocation_ratio|disk_allocation_ratio|total_usable_ram_mb|total_usable_disk_gb|disk_mb_used|free_disk_mb|vcpus_total|num_instances|num_io_ops|failed_builds|aggregates|cell_uuid|updated)': value,
  'capabilities:(cpu_info|metrics|stats|numa_topology|supported_hv_specs|pci_device_pools|nodename|pci_stats|supported_instances|limits|instances)(:\\w+)*': value,
  'hw:cpu_realtime': truth,
  'hw:cpu_realtime_mask': cpus,
  'hw:hide_hypervisor_id': truth,
  'hw:cpu_policy': oneOf('dedicated', 'shared', 'mixed'),
  'hw:cpu_thread_policy': oneOf('prefer', 'isolate', 'require'),
  'hw:emulator_threads_policy': oneOf('isolate', 'share'),
  'hw:cpu_dedicated_mask': cpus,
  'hw:mem_page_size': matching('large|small|any|[0-9]+([kKMGT]i?)?(b|bit|B)?'),
  'hw:locked_memory': truth,
  'hw:numa_nodes': positive,
  'hw:numa_cpus\\.[0-9]+': cpus,
  'hw:numa_mem\\.[0-9]+': positive,
  'hw:pci_numa_affinity_policy': oneOf('required', 'preferred', 'legacy', 'socket'),
  'hw:(cpu_sockets|cpu_cores|cpu_threads|cpu_max_sockets|cpu_max_cores|cpu_max_threads)': positive,
  'hw:(boot_menu|vif_multiqueue_enabled|mem_encryption|pmu|virtio_packed_ring|ephemeral_encryption)': truth,
  'hw:mem_encryption_model': oneOf('amd-sev', 'amd-sev-es'),
  'hw:pmem': matching('([a-zA-Z0-9_]+(,)?)+'),
  'hw:serial_port_count': natural,
  'hw:tpm_model': oneOf('tpm-tis', 'tpm-crb'),
  'hw:tpm_version': oneOf('1\\.2', '2\\.0'),
  'hw:tpm_secret_security': oneOf('user', 'host', 'deployment'),
  'hw:watchdog_action': oneOf('none', 'pause', 'poweroff', 'reset', 'disabled'),
  'hw:viommu_model': oneOf('intel', 'smmuv3', 'virtio', 'auto'),
  'hw:sound_model': oneOf('sb16', 'es1370', 'pcspk', 'ac97', 'ich6', 'ich9', 'usb', 'virtio'),
  'hw:usb_model': oneOf('qemu-xhci', 'nec-xhci', 'ich9-ehci1', 'piix3-uhci', 'none'),
  'hw:redirected_usb_ports': natural,
  'hw:ephemeral_encryption_format': oneOf('luks', 'plain'),
  'hw_rng:allowed': truth,
  'hw_rng:(rate_bytes|rate_period)': natural,
  'hw_video:ram_max_mb': natural,
  'os:secure_boot': oneOf('disabled', 'required'),
  'pci_passthrough:alias': matching('[^:]+:[0-9]+(?:\\s*,\\s*[^:]+:[0-9]+)*'),
  'quota:(cpu|memory|disk_io|vif)_limit': natural,
  'quota:(cpu|memory|disk_io|vif)_reservation': integer,
  'quota:(cpu|memory|disk_io|vif)_shares_level': oneOf('custom', 'high', 'normal', 'low'),
  'quota:(cpu|memory|disk_io|vif)_shares_share': natural,
  'quota:(cpu_shares|cpu_period)': natural,
  'quota:cpu_quota': integer,
  'quota:disk_(read|write|total)_(bytes|iops)_sec': natural,
  'quota:vif_(inbound|outbound)_(average|peak|burst)': natural,
  [`resources${group}:[A-Z0-9_]+`]: natural,
  [`trait${group}:[A-Z0-9_]+`]: oneOf('required', 'forbidden'),
  'vmware:(hw_version|storage_policy)': value,
};

const namespaces = `(accel|aggregate_instance_extra_specs|capabilities|hw|hw_rng|hw_video|os|pci_passthrough|quota|resources${group}|trait${group}|vmware)`;
const unknown = `^(?!(${Object.keys(known).join('|')})$)${namespaces}:`;

const patternProperties = { ...Object.fromEntries(Object.entries(known).map(([name, schema]) => [`^${name}$`, schema])), [unknown]: { not: {} } };
const checked = { type: 'object', propertyNames: { pattern: key }, patternProperties, additionalProperties: value };

export const extraSpecs = Type.Unsafe<Record<string, string | number>>(checked);
export const extraSpec = Type.Unsafe<Record<string, string | number>>({ ...checked, minProperties: 1, maxProperties: 1 });

export const anySpecsBody = exactly({ extra_specs: anySpecs });
