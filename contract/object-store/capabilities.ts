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

/** The one there is: bodies in files of one machine, each verified when it is read. */
export const storagePolicy = 'default';

export const capabilities = {
  swift: {
    version: '2.34.0',
    strict_cors_mode: true,
    policies: [{ name: storagePolicy, aliases: storagePolicy, default: true }],
    allow_account_management: false,
    account_autocreate: true,
    ...limits,
  },
};
