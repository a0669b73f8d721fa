/** The volume as Cinder shows it: cinder/api/v3/views/volumes.py and the extensions that add to it. */
import { Type } from 'typebox';
import { since, until } from '../contract.ts';

export const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);
export const Text = Type.String({ maxLength: 255 });
export const Links = Type.Array(Type.Object({ rel: Type.String(), href: Type.String() }, { additionalProperties: false }));
export const Metadata = Type.Record(Type.String({ minLength: 1, maxLength: 255 }), Type.String({ maxLength: 255 }));

const closed = { additionalProperties: false };

export const VolumeAttachment = Type.Object(
  { id: Type.String(), attachment_id: Type.String(), volume_id: Type.String(), server_id: orNull(Type.String()), host_name: orNull(Type.String()), device: orNull(Type.String()), attached_at: orNull(Type.String()) },
  closed,
);

export const Volume = Type.Object(
  {
    id: Type.String(),
    name: orNull(Type.String()),
    description: orNull(Type.String()),
    status: Type.String(),
    size: Type.Integer(),
    availability_zone: Type.String(),
    created_at: Type.String(),
    updated_at: orNull(Type.String()),
    attachments: Type.Array(VolumeAttachment),
    bootable: Type.String(),
    encrypted: Type.Boolean(),
    user_id: Type.String(),
    volume_type: orNull(Type.String()),
    snapshot_id: orNull(Type.String()),
    source_volid: orNull(Type.String()),
    consistencygroup_id: Type.Null(),
    replication_status: orNull(Type.String()),
    multiattach: Type.Boolean(),
    metadata: Metadata,
    links: Links,
    group_id: since('3.13', orNull(Type.String())),
    shared_targets: since('3.48', orNull(Type.Boolean())),
    service_uuid: since('3.48', orNull(Type.String())),
    cluster_name: since('3.61', Type.Optional(orNull(Type.String()))),
    volume_type_id: since('3.63', orNull(Type.String())),
    encryption_key_id: since('3.64', Type.Optional(Type.String())),
    consumes_quota: since('3.65', Type.Boolean()),
    provider_id: since('3.21', Type.Optional(orNull(Type.String()))),
    migration_status: Type.Optional(orNull(Type.String())),
    volume_image_metadata: Type.Optional(Type.Record(Type.String(), Type.String())),
    'os-vol-tenant-attr:tenant_id': Type.Optional(Type.String()),
    'os-vol-host-attr:host': Type.Optional(orNull(Type.String())),
    'os-vol-mig-status-attr:migstat': Type.Optional(orNull(Type.String())),
    'os-vol-mig-status-attr:name_id': Type.Optional(orNull(Type.String())),
  },
  closed,
);

export const VolumeSummary = Type.Object({ id: Type.String(), name: orNull(Type.String()), links: Links }, closed);

export const Snapshot = Type.Object(
  {
    id: Type.String(),
    name: orNull(Type.String()),
    description: orNull(Type.String()),
    status: Type.String(),
    size: Type.Integer(),
    volume_id: Type.String(),
    created_at: Type.String(),
    updated_at: orNull(Type.String()),
    metadata: Metadata,
    group_snapshot_id: since('3.14', orNull(Type.String())),
    user_id: since('3.41', Type.String()),
    consumes_quota: since('3.65', Type.Boolean()),
    'os-extended-snapshot-attributes:progress': Type.Optional(Type.String()),
    'os-extended-snapshot-attributes:project_id': Type.Optional(Type.String()),
  },
  closed,
);

export const Attachment = Type.Object(
  { id: Type.String(), status: Type.String(), instance: orNull(Type.String()), volume_id: Type.String(), attached_at: orNull(Type.String()), detached_at: orNull(Type.String()), attach_mode: orNull(Type.String()), connection_info: Type.Record(Type.String(), Type.Unknown()) },
  closed,
);

export const AttachmentSummary = Type.Object({ id: Type.String(), status: Type.String(), instance: orNull(Type.String()), volume_id: Type.String() }, closed);

export const VolumeType = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    description: orNull(Type.String()),
    is_public: Type.Boolean(),
    'os-volume-type-access:is_public': Type.Boolean(),
    extra_specs: Type.Record(Type.String(), Type.String()),
    qos_specs_id: Type.Optional(orNull(Type.String())),
  },
  closed,
);

/** What a volume may be told anew. */
export const volumeNaming = { name: Type.Optional(orNull(Text)), display_name: Type.Optional(orNull(Text)), description: Type.Optional(orNull(Text)), display_description: Type.Optional(orNull(Text)), metadata: Type.Optional(orNull(Metadata)) };

/** What every list of Cinder takes. */
export const paging = {
  limit: Type.Optional(Type.String()),
  marker: Type.Optional(Type.String()),
  offset: Type.Optional(Type.String()),
  sort: Type.Optional(Type.String()),
  sort_key: Type.Optional(Type.String()),
  sort_dir: Type.Optional(Type.String()),
  all_tenants: Type.Optional(Type.String()),
};

export const filter = Type.Optional(Type.String());

/** Before 3.31 lists took no notice of filters that they did not have. */
export const anyFilter = until('3.30', Type.Optional(Type.Boolean()));

/** Whole numbers, as text too: cinder/api/schemas/volumes.py. */
export const Size = Type.Union([Type.Integer({ minimum: 1, maximum: 2147483647 }), Type.String({ pattern: '^[1-9][0-9]{0,9}$' })]);
/** Truth in all the ways in which clients write it: cinder/api/validation/parameter_types.py. */
export const Flag = Type.Union([Type.Boolean(), Type.Enum(['True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes', 'y', 't', 'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no', 'n', 'f'])]);
