/** The image itself, as Glance shows it: glance/api/v2/images.py, get_base_properties (2026.1). */
import { Type } from 'typebox';

const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

export const containerFormats = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'] as const;
export const diskFormats = ['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop', 'gpt'] as const;
export const visibilities = ['community', 'public', 'private', 'shared'] as const;
export const statuses = ['queued', 'saving', 'active', 'killed', 'deleted', 'uploading', 'importing', 'pending_delete', 'deactivated'] as const;

/** What a client may write: the fields that Glance knows. */
export const writable = {
  name: orNull(Type.String({ maxLength: 255 })),
  visibility: Type.Enum([...visibilities]),
  protected: Type.Boolean(),
  os_hidden: Type.Boolean(),
  owner: orNull(Type.String({ maxLength: 255 })),
  container_format: orNull(Type.Enum([...containerFormats])),
  disk_format: orNull(Type.Enum([...diskFormats])),
  tags: Type.Array(Type.String({ maxLength: 255 }), { maxItems: 128 }),
  min_ram: Type.Integer({ minimum: 0, maximum: 2147483647 }),
  min_disk: Type.Integer({ minimum: 0, maximum: 2147483647 }),
};

const id = Type.String({ pattern: '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$' });

/** Properties that Glance does not know are text; null only where Glance keeps one. */
const property = Type.Union([Type.String({ maxLength: 65535 }), Type.Null()]);

export const NewImage = Type.Partial(Type.Object({ ...writable, id }), { additionalProperties: property });

export const Image = Type.Object(
  {
    ...writable,
    id,
    status: Type.Enum([...statuses]),
    size: orNull(Type.Integer()),
    virtual_size: orNull(Type.Integer()),
    checksum: orNull(Type.String()),
    os_hash_algo: orNull(Type.String()),
    os_hash_value: orNull(Type.String()),
    created_at: Type.String(),
    updated_at: Type.String(),
    self: Type.String(),
    file: Type.String(),
    schema: Type.String(),
  },
  { additionalProperties: property },
);

export const Images = Type.Object(
  { images: Type.Array(Image), first: Type.String(), next: Type.Optional(Type.String()), schema: Type.String() },
  { additionalProperties: false },
);
