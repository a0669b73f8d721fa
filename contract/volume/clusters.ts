/** Services that work together, of which there are none here, and what they leave undone: cinder/api/v3/clusters.py, workers.py. */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { filter, Flag, orNull, Text } from './volume.ts';

const closed = { additionalProperties: false };
const admin = (rule: string) => ({ rule, who: 'admin' }) as const;
const from = '3.7';
const brief = { name: Type.String(), binary: Type.String(), state: Type.Enum(['up', 'down']), status: Type.Enum(['enabled', 'disabled']), replication_status: since('3.26', Type.Optional(orNull(Type.String()))) };
const details = {
  num_hosts: Type.Integer(), num_down_hosts: Type.Integer(), last_heartbeat: Type.String(), created_at: Type.String(), updated_at: orNull(Type.String()), disabled_reason: orNull(Type.String()),
  frozen: since('3.26', Type.Optional(Type.Boolean())), active_backend_id: since('3.26', Type.Optional(orNull(Type.String()))),
};
const Brief = Type.Object(brief, closed);
const Detailed = Type.Object({ ...brief, ...details }, closed);
const Changed = Type.Object({ ...brief, disabled_reason: orNull(Type.String()) }, closed);
const query = Type.Object({ name: filter, binary: filter, is_up: filter, disabled: filter, num_hosts: filter, num_down_hosts: filter, replication_status: since('3.26', filter), frozen: since('3.26', filter), active_backend_id: since('3.26', filter) });
const named = { name: Type.String({ minLength: 1, maxLength: 255 }), binary: Type.Optional(orNull(Text)) };

export const clusters = operations({
  list: { method: 'GET', path: '/clusters', summary: 'List clusters, briefly', access: admin('clusters:get_all'), stability: 'stable', since: from, query, status: 200, response: Type.Object({ clusters: Type.Array(Brief) }, closed) },
  detail: { method: 'GET', path: '/clusters/detail', summary: 'List clusters', access: admin('clusters:get_all'), stability: 'stable', since: from, query, status: 200, response: Type.Object({ clusters: Type.Array(Detailed) }, closed) },
  show: { method: 'GET', path: '/clusters/{cluster_name}', summary: 'Show a cluster', access: admin('clusters:get'), stability: 'stable', since: from, query: Type.Object({ binary: filter }), status: 200, response: Type.Object({ cluster: Detailed }, closed) },
  enable: { method: 'PUT', path: '/clusters/enable', summary: 'Let a cluster take new volumes', access: admin('clusters:update'), stability: 'stable', since: from, body: Type.Object(named, closed), status: 200, response: Type.Object({ cluster: Changed }, closed) },
  disable: {
    method: 'PUT',
    path: '/clusters/disable',
    summary: 'Keep a cluster from taking new volumes',
    access: admin('clusters:update'),
    stability: 'stable',
    since: from,
    body: Type.Object({ ...named, disabled_reason: Type.Optional(orNull(Text)) }, closed),
    status: 200,
    response: Type.Object({ cluster: Changed }, closed),
  },
});

const Worker = Type.Object({ id: Type.Integer(), host: Type.String(), binary: Type.String(), cluster_name: orNull(Type.String()) }, closed);

export const workers = operations({
  cleanup: {
    method: 'POST',
    path: '/workers/cleanup',
    summary: 'Let what a service has left undone be an error at once',
    access: admin('workers:cleanup'),
    stability: 'stable',
    since: '3.24',
    effects: 'own',
    body: Type.Object(
      {
        cluster_name: Type.Optional(orNull(Text)), disabled: Type.Optional(Flag), host: Type.Optional(Text), is_up: Type.Optional(Flag), binary: Type.Optional(Type.Enum(['cinder-volume', 'cinder-scheduler'])),
        resource_id: Type.Optional(orNull(Text)), resource_type: Type.Optional(Type.String({ pattern: '^([vV][oO][lL][uU][mM][eE]|[sS][nN][aA][pP][sS][hH][oO][tT])$' })), service_id: Type.Optional(Type.Union([Type.Integer({ minimum: 0, maximum: 2147483647 }), Type.String({ pattern: '^[0-9]{1,9}$' }), Type.Null()])),
      },
      closed,
    ),
    bodyOptional: true,
    status: 202,
    response: Type.Object({ cleaning: Type.Array(Worker), unavailable: Type.Array(Worker) }, closed),
  },
});
