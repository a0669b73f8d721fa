/** What an operator says about images: `settings.json` in their folder. Without it: one store, and downloads from public addresses. */
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import { Type } from 'typebox';
import { Check, Errors } from 'typebox/value';

const Names = Type.Array(Type.String({ minLength: 1, maxLength: 255 }));
const Ports = Type.Array(Type.Integer({ minimum: 1, maximum: 65535 }));

/** The names of Glance's `import_filtering_opts`; where both an allowed and a disallowed list are given, only the first counts. */
const Downloads = Type.Partial(
  Type.Object(
    {
      allowed_schemes: Names,
      disallowed_schemes: Names,
      allowed_hosts: Names,
      disallowed_hosts: Names,
      allowed_ports: Ports,
      disallowed_ports: Ports,
      /** Blocks of addresses that may be reached although they are not public: `10.1.0.0/16`. */
      allowed_networks: Names,
      max_bytes: Type.Integer({ minimum: 1, maximum: 2 ** 40 }),
      max_seconds: Type.Integer({ minimum: 1, maximum: 6 * 3600 }),
    },
  ),
  { additionalProperties: false },
);

const Settings = Type.Partial(
  Type.Object(
    {
      stores: Type.Array(
        Type.Object(
          { id: Type.String({ pattern: '^[a-z0-9][a-z0-9_-]{0,63}$' }), folder: Type.String(), description: Type.Optional(Type.String()), weight: Type.Optional(Type.Integer()) },
          { additionalProperties: false },
        ),
      ),
      downloads: Downloads,
      /** Set on images whose bytes come by an import: Glance's `inject_metadata_properties`. */
      import_properties: Type.Record(Type.String(), Type.String()),
      /** Whether disks of other makers' formats become qcow2 when they are imported, so that they boot; unless told, they do. */
      convert_imports: Type.Boolean(),
    },
  ),
  { additionalProperties: false },
);

export type ImageSettings = {
  /** Further stores, besides the folder of the images itself. */
  stores: { id: string; folder: string; description?: string; weight?: number }[];
  downloads: {
    allowed_schemes: string[];
    disallowed_schemes: string[];
    allowed_hosts: string[];
    disallowed_hosts: string[];
    allowed_ports: number[];
    disallowed_ports: number[];
    allowed_networks: string[];
    max_bytes: number;
    max_seconds: number;
  };
  import_properties: Record<string, string>;
  convert_imports: boolean;
};

/** As Glance's: glance/common/config.py, import_filtering_opts. */
const usualDownloads: ImageSettings['downloads'] = {
  allowed_schemes: ['http', 'https'],
  disallowed_schemes: [],
  allowed_hosts: [],
  disallowed_hosts: [],
  allowed_ports: [80, 443],
  disallowed_ports: [],
  allowed_networks: [],
  max_bytes: 2 ** 40,
  max_seconds: 4 * 3600,
};

/** The name of the store that is always there. */
export const defaultStore = 'local';
/** Names that are not for stores: what else is in the folder of the images. */
const reserved = new Set([defaultStore, 'cached']);

export function imageSettings(wished: unknown = {}): ImageSettings {
  if (!Check(Settings, wished)) {
    const [first] = Errors(Settings, wished);
    throw new Error(`The settings of images are wrong at ${first?.instancePath || '/'}: ${first?.message ?? 'not as expected'}`);
  }
  const stores = wished.stores ?? [];
  for (const { id, folder } of stores) {
    if (reserved.has(id)) throw new Error(`A store of images cannot be called ${id}`);
    if (!isAbsolute(folder)) throw new Error(`The folder of the store ${id} has to be an absolute path`);
  }
  if (new Set(stores.map(({ id }) => id)).size < stores.length) throw new Error('Two stores of images have the same name');
  const downloads = { ...usualDownloads, ...wished.downloads };
  for (const block of downloads.allowed_networks) {
    const [address = '', length = ''] = block.split('/');
    if (isIP(address) === 0 || !/^\d{1,3}$/.test(length) || Number(length) > (isIP(address) === 4 ? 32 : 128)) throw new Error(`${block} is no block of addresses`);
  }
  return { stores: stores as ImageSettings['stores'], downloads, import_properties: wished.import_properties ?? {}, convert_imports: wished.convert_imports ?? true };
}

export function readImageSettings(path: string): ImageSettings {
  return imageSettings(existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {});
}
