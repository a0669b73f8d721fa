/** Servers on their way from host to host. nova/api/openstack/compute/{migrations,server_migrations}.py */
import { Type } from 'typebox';
import { closedSince, operations, since } from '../contract.ts';
import { exactly, links, nullableText, preciseTime } from './fields.ts';

const text = Type.Optional(Type.String());
const number = Type.Union([Type.Integer(), Type.Null()]);

const places = { source_compute: nullableText, source_node: nullableText, dest_compute: nullableText, dest_node: nullableText, dest_host: nullableText };

const migration = exactly({
  ...places,
  id: Type.Integer(),
  uuid: since('2.59', Type.String()),
  instance_uuid: Type.String(),
  status: Type.String(),
  migration_type: since('2.23', Type.String()),
  /** Numbers of flavors, which have none here. */
  old_instance_type_id: number,
  new_instance_type_id: number,
  created_at: Type.String(),
  updated_at: preciseTime,
  user_id: since('2.80', nullableText),
  project_id: since('2.80', nullableText),
  links: since('2.23', Type.Optional(links)),
});

export const migrations = operations({
  list: {
    method: 'GET',
    path: '/os-migrations',
    summary: 'Servers that were moved, or resized, or are being so',
    access: { rule: 'os_compute_api:os-migrations:index', who: 'admin' },
    stability: 'stable',
    query: closedSince(
      '2.59',
      Type.Object({
        hidden: text,
        host: text,
        instance_uuid: text,
        source_compute: text,
        status: text,
        migration_type: text,
        limit: since('2.59', Type.Optional(Type.Integer({ minimum: 0 }))),
        marker: since('2.59', text),
        'changes-since': since('2.59', text),
        'changes-before': since('2.66', text),
        user_id: since('2.80', text),
        project_id: since('2.80', text),
      }),
    ),
    status: 200,
    response: exactly({ migrations: Type.Array(migration), migrations_links: since('2.59', Type.Optional(links)) }),
    list: { after: { server: null } },
  },
});

const byManagers = (verb: string) => ({ rule: `os_compute_api:servers:migrations:${verb}`, who: 'manager', adminEverywhere: true }) as const;

const live = exactly({
  ...places,
  id: Type.Integer(),
  uuid: since('2.59', Type.String()),
  server_uuid: Type.String(),
  status: Type.String(),
  created_at: Type.String(),
  updated_at: preciseTime,
  memory_total_bytes: number,
  memory_processed_bytes: number,
  memory_remaining_bytes: number,
  disk_total_bytes: number,
  disk_processed_bytes: number,
  disk_remaining_bytes: number,
  user_id: since('2.80', nullableText),
  project_id: since('2.80', nullableText),
});

export const serverMigrations = operations({
  list: { method: 'GET', path: '/servers/{server_id}/migrations', since: '2.23', summary: 'Live migrations of a server that are under way', access: byManagers('index'), stability: 'stable', status: 200, response: exactly({ migrations: Type.Array(live) }), list: { after: { server: 'server_id' } } },
  show: { method: 'GET', path: '/servers/{server_id}/migrations/{migration_id}', since: '2.23', summary: 'One live migration that is under way', access: { rule: 'os_compute_api:servers:migrations:show', who: 'admin' }, stability: 'stable', status: 200, response: exactly({ migration: live }) },
  forceComplete: {
    method: 'POST',
    path: '/servers/{server_id}/migrations/{migration_id}/action',
    action: 'force_complete',
    since: '2.22',
    summary: 'Make a live migration come to its end, whatever the guest does meanwhile',
    access: byManagers('force_complete'),
    stability: 'stable',
    body: exactly({ force_complete: Type.Null() }),
    status: 202,
  },
  abort: {
    method: 'DELETE',
    path: '/servers/{server_id}/migrations/{migration_id}',
    since: '2.24',
    summary: 'Give a live migration up: the server stays where it was',
    access: byManagers('delete'),
    stability: 'stable',
    status: 202,
  },
});
