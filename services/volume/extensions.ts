/** Cinder's extensions that are wholly there; names and dates as its own list has them: cinder/api/contrib. */
const extensions = [
  ['os-availability-zone', 'AvailabilityZones', '2013-06-27T00:00:00+00:00', 'Describe Availability Zones.'],
  ['backups', 'Backups', '2012-12-12T00:00:00+00:00', 'Backups support.'],
  ['cgsnapshots', 'Cgsnapshots', '2014-08-18T00:00:00+00:00', 'cgsnapshots support.'],
  ['consistencygroups', 'Consistencygroups', '2014-08-18T00:00:00+00:00', 'consistency groups support.'],
  ['encryption', 'VolumeTypeEncryption', '2013-07-01T00:00:00+00:00', 'Encryption support for volume types.'],
  ['os-extended-services', 'ExtendedServices', '2014-01-10T00:00:00-00:00', 'Extended services support.'],
  ['os-extended-snapshot-attributes', 'ExtendedSnapshotAttributes', '2012-06-19T00:00:00+00:00', 'Extended SnapshotAttributes support.'],
  ['os-hosts', 'Hosts', '2011-06-29T00:00:00+00:00', 'Admin-only host administration.'],
  ['os-quota-class-sets', 'QuotaClasses', '2012-03-12T00:00:00+00:00', 'Quota classes management support.'],
  ['os-quota-sets', 'Quotas', '2011-08-08T00:00:00+00:00', 'Quota management support.'],
  ['qos-specs', 'Qos_specs_manage', '2013-08-02T00:00:00+00:00', 'QoS specs support.'],
  ['scheduler-stats', 'Scheduler_stats', '2014-09-07T00:00:00+00:00', 'Scheduler stats support.'],
  ['os-types-extra-specs', 'TypesExtraSpecs', '2011-08-24T00:00:00+00:00', 'Type extra specs support.'],
  ['os-types-manage', 'TypesManage', '2011-08-24T00:00:00+00:00', 'Types manage support.'],
  ['os-used-limits', 'UsedLimits', '2013-10-03T00:00:00+00:00', 'Provide data on limited resources that are being used.'],
  ['os-vol-host-attr', 'VolumeHostAttribute', '2011-11-03T00:00:00+00:00', 'Expose host as an attribute of a volume.'],
  ['os-vol-image-meta', 'VolumeImageMetadata', '2012-12-07T00:00:00+00:00', 'Show image metadata associated with the volume.'],
  ['os-vol-tenant-attr', 'VolumeTenantAttribute', '2011-11-03T00:00:00+00:00', 'Expose the internal project_id as an attribute of a volume.'],
  ['os-volume-transfer', 'VolumeTransfer', '2013-05-29T00:00:00+00:00', 'Volume transfer management support.'],
  ['os-volume-type-access', 'VolumeTypeAccess', '2014-06-26T00:00:00Z', 'Volume type access support.'],
] as const;

export function listExtensions() {
  return extensions.map(([alias, name, updated, description]) => ({ alias, name, updated, description, links: [] }));
}
