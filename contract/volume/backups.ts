/** Backups: cinder/api/contrib/backups.py, v3/backups.py, contrib/admin_actions.py. */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { anyFilter, filter, Flag, Links, Metadata, orNull, paging, Text } from './volume.ts';

const closed = { additionalProperties: false };
const member = (rule: string) => ({ rule, who: 'member', adminEverywhere: true }) as const;
const reader = (rule: string) => ({ rule, who: 'reader', adminEverywhere: true }) as const;
const admin = (rule: string) => ({ rule, who: 'admin' }) as const;

const brief = { id: Type.String(), name: orNull(Type.String()), links: Links };
const Brief = Type.Object(brief, closed);
const Backup = Type.Object(
  {
    ...brief,
    status: Type.String(),
    size: Type.Integer(),
    object_count: Type.Integer(),
    availability_zone: orNull(Type.String()),
    container: orNull(Type.String()),
    created_at: Type.String(),
    updated_at: orNull(Type.String()),
    description: orNull(Type.String()),
    fail_reason: orNull(Type.String()),
    volume_id: Type.String(),
    is_incremental: Type.Boolean(),
    has_dependent_backups: Type.Boolean(),
    snapshot_id: orNull(Type.String()),
    data_timestamp: Type.String(),
    'os-backup-project-attr:project_id': since('3.18', Type.Optional(Type.String())),
    metadata: since('3.43', Metadata),
    user_id: since('3.56', Type.Optional(Type.String())),
    encryption_key_id: since('3.64', Type.Optional(Type.String())),
  },
  closed,
);
const One = Type.Object({ backup: Brief }, closed);
const query = Type.Object({ ...paging, name: filter, 'name~': since('3.34', filter), status: filter, 'status~': since('3.34', filter), volume_id: filter, 'volume_id~': since('3.34', filter), with_count: since('3.45', filter), any_filter: anyFilter });
const count = since('3.45', Type.Optional(Type.Integer()));
const watched = { resource: 'volume_backup', show: 'show', parameter: 'backup_id' } as const;
const record = Type.Object({ backup_service: Type.String({ minLength: 1, maxLength: 255 }), backup_url: Type.String({ minLength: 1 }) }, closed);

export const backups = operations({
  list: {
    method: 'GET',
    path: '/backups',
    summary: 'List backups, briefly',
    access: reader('backup:get_all'),
    stability: 'stable',
    query,
    status: 200,
    response: Type.Object({ backups: Type.Array(Brief), backups_links: Type.Optional(Links), count }, closed),
    list: watched,
  },
  detail: {
    method: 'GET',
    path: '/backups/detail',
    summary: 'List backups',
    access: reader('backup:get_all'),
    stability: 'stable',
    query,
    status: 200,
    response: Type.Object({ backups: Type.Array(Backup), backups_links: Type.Optional(Links), count }, closed),
    list: watched,
  },
  create: {
    method: 'POST',
    path: '/backups',
    summary: 'Copy what is on a volume, all of it or what has changed since the last time',
    access: member('backup:create'),
    stability: 'stable',
    body: Type.Object(
      {
        backup: Type.Object(
          {
            volume_id: Text,
            container: Type.Optional(orNull(Text)),
            name: Type.Optional(orNull(Text)),
            description: Type.Optional(orNull(Text)),
            incremental: Type.Optional(Flag),
            force: Type.Optional(Flag),
            snapshot_id: Type.Optional(orNull(Text)),
            metadata: since('3.43', Type.Optional(orNull(Metadata))),
            availability_zone: since('3.51', Type.Optional(orNull(Text))),
          },
          closed,
        ),
      },
      closed,
    ),
    status: 202,
    response: One,
  },
  show: { method: 'GET', path: '/backups/{backup_id}', summary: 'Show a backup', access: reader('backup:get'), stability: 'stable', status: 200, response: Type.Object({ backup: Backup }, closed) },
  update: {
    method: 'PUT',
    path: '/backups/{backup_id}',
    summary: 'Name and describe a backup',
    access: member('backup:update'),
    stability: 'stable',
    since: '3.9',
    body: Type.Object({ backup: Type.Object({ name: Type.Optional(orNull(Text)), description: Type.Optional(orNull(Text)), metadata: since('3.43', Type.Optional(Metadata)) }, closed) }, closed),
    status: 200,
    response: One,
  },
  delete: { method: 'DELETE', path: '/backups/{backup_id}', summary: 'Delete a backup that no other one builds on', access: member('backup:delete'), stability: 'stable', status: 202 },
  restore: {
    method: 'POST',
    path: '/backups/{backup_id}/restore',
    summary: 'Put what it holds on a volume, a new one unless told otherwise',
    access: member('backup:restore'),
    stability: 'stable',
    body: Type.Object({ restore: orNull(Type.Object({ name: Type.Optional(orNull(Text)), volume_id: Type.Optional(orNull(Text)) }, closed)) }, closed),
    status: 202,
    response: Type.Object({ restore: Type.Object({ backup_id: Type.String(), volume_id: Type.String(), volume_name: orNull(Type.String()) }, closed) }, closed),
  },
  exportRecord: {
    method: 'GET',
    path: '/backups/{backup_id}/export_record',
    summary: 'What a cloud without its database needs to find the backup again',
    access: admin('backup:export-import'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ 'backup-record': record }, closed),
  },
  importRecord: {
    method: 'POST',
    path: '/backups/import_record',
    summary: 'Know a backup again whose bytes are still there',
    access: admin('backup:backup-import'),
    stability: 'stable',
    body: Type.Object({ 'backup-record': record }, closed),
    effects: 'own',
    status: 201,
    response: One,
  },
  resetStatus: {
    method: 'POST',
    path: '/backups/{backup_id}/action',
    action: 'os-reset_status',
    summary: 'Correct the status of a backup whose workflow has failed',
    access: admin('volume_extension:backup_admin_actions:reset_status'),
    stability: 'stable',
    body: Type.Object({ 'os-reset_status': Type.Object({ status: Type.Enum(['available', 'error']) }, closed) }, closed),
    status: 202,
  },
  forceDelete: {
    method: 'POST',
    path: '/backups/{backup_id}/action',
    action: 'os-force_delete',
    summary: 'Delete a backup in whatever status',
    access: admin('volume_extension:backup_admin_actions:force_delete'),
    stability: 'stable',
    body: Type.Object({ 'os-force_delete': Type.Union([Type.Null(), Type.Object({}, closed)]) }, closed),
    status: 202,
  },
});
