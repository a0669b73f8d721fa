/** Volume types: cinder/api/v3/types.py, contrib/types_extra_specs.py, contrib/volume_type_access.py. */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { filter, Flag, Links, orNull, paging, Text, VolumeType } from './volume.ts';

const closed = { additionalProperties: false };
const reader = (rule: string) => ({ rule, who: 'reader', adminEverywhere: true }) as const;
const admin = (rule: string) => ({ rule, who: 'admin' }) as const;
const One = Type.Object({ volume_type: VolumeType }, closed);
// The extension that adds whom a type is for does not add it here: cinder/api/contrib/volume_type_access.py.
const Updated = Type.Object({ volume_type: Type.Object(Type.Omit(VolumeType, ['os-volume-type-access:is_public']).properties, closed) }, closed);
const Specs = Type.Record(Type.String({ minLength: 1, maxLength: 255 }), Type.String({ maxLength: 255 }));

const Location = Type.Enum(['front-end', 'back-end']);
const encryptionWish = { cipher: Type.Optional(orNull(Text)), key_size: Type.Optional(orNull(Type.Union([Type.Integer({ minimum: 0, maximum: 2147483647 }), Type.String({ pattern: '^[0-9]{1,9}$' })]))) };
const EncryptionShown = Type.Object({ provider: Type.Optional(Type.String()), control_location: Type.Optional(Location), cipher: Type.Optional(orNull(Type.String())), key_size: Type.Optional(orNull(Type.Integer())) }, closed);
const Encryption = Type.Object({
  volume_type_id: Type.String(), encryption_id: Type.String(), provider: Type.String(), control_location: Location, cipher: orNull(Type.String()), key_size: orNull(Type.Integer()),
  created_at: Type.String(), updated_at: orNull(Type.String()), deleted_at: Type.Null(), deleted: Type.Boolean(),
});

export const types = operations({
  list: {
    method: 'GET',
    path: '/types',
    summary: 'List volume types',
    access: reader('volume_extension:type_get_all'),
    stability: 'stable',
    query: Type.Object({ ...paging, is_public: filter, name: filter, description: filter, extra_specs: since('3.52', filter) }),
    status: 200,
    response: Type.Object({ volume_types: Type.Array(VolumeType), volume_type_links: Type.Optional(Links) }, closed),
    list: { resource: 'volume_type', show: 'show', parameter: 'type_id', ofNoProject: true },
  },
  default: {
    method: 'GET',
    path: '/types/default',
    summary: 'Show the type of volumes that name none',
    access: reader('volume_extension:type_get'),
    stability: 'stable',
    status: 200,
    response: One,
  },
  show: { method: 'GET', path: '/types/{type_id}', summary: 'Show a volume type', access: reader('volume_extension:type_get'), stability: 'stable', status: 200, response: One },
  create: {
    method: 'POST',
    path: '/types',
    summary: 'Make a volume type',
    access: admin('volume_extension:type_create'),
    stability: 'stable',
    body: Type.Object(
      { volume_type: Type.Object({ name: Type.String({ minLength: 1, maxLength: 255 }), description: Type.Optional(orNull(Text)), extra_specs: Type.Optional(orNull(Specs)), 'os-volume-type-access:is_public': Type.Optional(Flag) }, closed) },
      closed,
    ),
    status: 200,
    response: One,
  },
  update: {
    method: 'PUT',
    path: '/types/{type_id}',
    summary: 'Change a volume type',
    access: admin('volume_extension:type_update'),
    stability: 'stable',
    body: Type.Object({ volume_type: Type.Object({ name: Type.Optional(orNull(Text)), description: Type.Optional(orNull(Text)), is_public: Type.Optional(Flag) }, closed) }, closed),
    status: 200,
    response: Updated,
  },
  delete: { method: 'DELETE', path: '/types/{type_id}', summary: 'Delete a volume type that no volume has', access: admin('volume_extension:type_delete'), stability: 'stable', status: 202 },
  specs: {
    method: 'GET',
    path: '/types/{type_id}/extra_specs',
    summary: 'List the extra specs of a type',
    access: reader('volume_extension:types_extra_specs:index'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ extra_specs: Specs }, closed),
    list: { after: { volume_type: 'type_id' } },
  },
  addSpecs: {
    method: 'POST',
    path: '/types/{type_id}/extra_specs',
    summary: 'Add extra specs to a type',
    access: admin('volume_extension:types_extra_specs:create'),
    stability: 'stable',
    body: Type.Object({ extra_specs: Specs }, closed),
    status: 200,
    response: Type.Object({ extra_specs: Specs }, closed),
  },
  spec: { method: 'GET', path: '/types/{type_id}/extra_specs/{key}', summary: 'Show an extra spec', access: reader('volume_extension:types_extra_specs:show'), stability: 'stable', status: 200, response: Specs },
  setSpec: {
    method: 'PUT',
    path: '/types/{type_id}/extra_specs/{key}',
    summary: 'Write an extra spec',
    access: admin('volume_extension:types_extra_specs:update'),
    stability: 'stable',
    body: Specs,
    status: 200,
    response: Specs,
  },
  deleteSpec: { method: 'DELETE', path: '/types/{type_id}/extra_specs/{key}', summary: 'Delete an extra spec', access: admin('volume_extension:types_extra_specs:delete'), stability: 'stable', status: 202 },
  encryption: {
    method: 'GET',
    path: '/types/{type_id}/encryption',
    summary: 'How volumes of a type are to be encrypted',
    access: admin('volume_extension:volume_type_encryption:get'),
    stability: 'stable',
    status: 200,
    response: Type.Partial(Encryption, closed),
  },
  createEncryption: {
    method: 'POST',
    path: '/types/{type_id}/encryption',
    summary: 'Say how volumes of a type are to be encrypted',
    access: admin('volume_extension:volume_type_encryption:create'),
    stability: 'stable',
    body: Type.Object({ encryption: Type.Object({ provider: Text, control_location: Location, ...encryptionWish }, closed) }, closed),
    status: 200,
    response: Type.Object({ encryption: Type.Object({ ...EncryptionShown.properties, volume_type_id: Type.String(), encryption_id: Type.String() }, closed) }, closed),
  },
  encryptionItem: { method: 'GET', path: '/types/{type_id}/encryption/{key}', summary: 'Show one thing of how they are to be encrypted', access: admin('volume_extension:volume_type_encryption:get'), stability: 'stable', status: 200, response: Type.Partial(Encryption, closed) },
  updateEncryption: {
    method: 'PUT',
    path: '/types/{type_id}/encryption/{encryption_id}',
    summary: 'Change how volumes of a type are to be encrypted',
    access: admin('volume_extension:volume_type_encryption:update'),
    stability: 'stable',
    body: Type.Object({ encryption: Type.Object({ provider: Type.Optional(Text), control_location: Type.Optional(Location), ...encryptionWish }, closed) }, closed),
    status: 200,
    response: Type.Object({ encryption: EncryptionShown }, closed),
  },
  deleteEncryption: { method: 'DELETE', path: '/types/{type_id}/encryption/{encryption_id}', summary: 'Encrypt volumes of a type no longer', access: admin('volume_extension:volume_type_encryption:delete'), stability: 'stable', status: 202 },
  access: {
    method: 'GET',
    path: '/types/{type_id}/os-volume-type-access',
    summary: 'List the projects that may use a private type',
    access: admin('volume_extension:volume_type_access:get_all_for_type'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ volume_type_access: Type.Array(Type.Object({ volume_type_id: Type.String(), project_id: Type.String() }, closed)) }, closed),
    list: { after: { volume_type: 'type_id' } },
  },
  addAccess: {
    method: 'POST',
    path: '/types/{type_id}/action',
    action: 'addProjectAccess',
    summary: 'Let a project use a private type',
    access: admin('volume_extension:volume_type_access:addProjectAccess'),
    stability: 'stable',
    body: Type.Object({ addProjectAccess: Type.Object({ project: Type.String({ minLength: 1, maxLength: 255 }) }, closed) }, closed),
    status: 202,
  },
  removeAccess: {
    method: 'POST',
    path: '/types/{type_id}/action',
    action: 'removeProjectAccess',
    summary: 'Let a project use a private type no longer',
    access: admin('volume_extension:volume_type_access:removeProjectAccess'),
    stability: 'stable',
    body: Type.Object({ removeProjectAccess: Type.Object({ project: Type.String({ minLength: 1, maxLength: 255 }) }, closed) }, closed),
    status: 202,
  },
});
