/** What the service can do and what it limits, for `/info`: only what is wholly there. */

export const limits = {
  account_listing_limit: 10_000,
  container_listing_limit: 10_000,
  max_account_name_length: 256,
  max_container_name_length: 256,
  max_object_name_length: 1024,
  max_file_size: 5_368_709_122,
  max_header_size: 8192,
  max_meta_name_length: 128,
  max_meta_value_length: 256,
  max_meta_count: 90,
  max_meta_overall_size: 4096,
} as const;

export const manifestLimits = { max_manifest_segments: 1000, max_manifest_size: 8_388_608 } as const;

export const symlinkLimits = { symloop_max: 2 } as const;

export const bulkLimits = { max_deletes_per_request: 10_000, max_containers_per_extraction: 10_000, max_failed_deletes: 1000, max_failed_extractions: 1000 } as const;

/** The one there is: bodies in files of one machine, each verified when it is read. */
export const storagePolicy = 'default';

export const capabilities = {
  swift: {
    version: '2.34.0',
    strict_cors_mode: true,
    policies: [{ name: storagePolicy, aliases: storagePolicy, default: true }],
    allow_account_management: true,
    account_autocreate: true,
    ...limits,
  },
  account_quotas: {},
  bulk_delete: { max_deletes_per_request: bulkLimits.max_deletes_per_request, max_failed_deletes: bulkLimits.max_failed_deletes },
  bulk_upload: { max_containers_per_extraction: bulkLimits.max_containers_per_extraction, max_failed_extractions: bulkLimits.max_failed_extractions },
  container_quotas: {},
  crossdomain: {},
  dlo: { max_segments: 1_000_000 },
  formpost: { allowed_digests: ['sha1', 'sha256', 'sha512'], deprecated_digests: ['sha1'] },
  object_versioning: {},
  slo: { ...manifestLimits, min_segment_size: 1 },
  staticweb: {},
  symlink: { ...symlinkLimits, static_links: true },
  tempurl: {
    methods: ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'],
    allowed_digests: ['sha1', 'sha256', 'sha512'],
    deprecated_digests: ['sha1'],
    incoming_remove_headers: ['x-timestamp'],
    incoming_allow_headers: [],
    outgoing_remove_headers: ['x-object-meta-*'],
    outgoing_allow_headers: ['x-object-meta-public-*'],
  },
  versioned_writes: { allowed_flags: ['x-versions-location', 'x-history-location'] },
};
