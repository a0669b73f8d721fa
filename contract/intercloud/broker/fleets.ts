/** Fleets: so many machines of one kind that are kept running, at home first, at partners' when home is full, and home again. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Currency, Id, Moment, Money, Name } from '../native.ts';

const Machine = Type.Object(
  {
    flavor: Id,
    image: Id,
    networks: Type.Array(Id, { maxItems: 16, description: 'None: a machine without a network' }),
    security_groups: Type.Optional(Type.Array(Name, { maxItems: 100 })),
    key_name: Type.Optional(Name),
    user_data: Type.Optional(Type.String({ maxLength: 65535, description: 'Base64' })),
    metadata: Type.Optional(Type.Record(Type.String({ minLength: 1, maxLength: 255 }), Type.String({ maxLength: 255 }))),
  },
  { additionalProperties: false },
);

const Burst = Type.Object(
  {
    hourly_at_most: Type.Optional({ ...Money, description: 'What all machines at partners may cost in an hour together' } as typeof Money),
    stop_loss: Type.Optional({ ...Money, description: 'When bursting has cost so much in all, it ends' } as typeof Money),
    longest_seconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 31_536_000, description: 'No machine stays at a partner longer' })),
    keep_free_vcpus: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'So much of the own regions is left free: bursting begins before they are full' })),
    home_after_seconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400, description: 'Room at home must have lasted so long before a machine comes home' })),
  },
  { additionalProperties: false },
);

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

const Fleet = Type.Object({
  id: Id,
  name: Name,
  size: Type.Integer(),
  status: Type.Union([Type.Literal('active'), Type.Literal('deleting')]),
  machine: Machine,
  burst: Nullable(Burst),
  running: Type.Integer({ description: 'Machines that are up' }),
  at_partners: Type.Integer(),
  burst_spent: Type.Object({ amount: Money, currency: Nullable(Currency) }),
  obstacle: Nullable(Type.String({ description: 'Why there are fewer machines than there should be' })),
  machines: Type.Array(Type.Object({ server_id: Nullable(Id), region: Nullable(Name), kind: Nullable(Type.Union([Type.Literal('own'), Type.Literal('partner')])), state: Type.String(), hourly: Nullable(Money), since: Moment })),
  created_at: Moment,
  updated_at: Moment,
});

const Size = Type.Integer({ minimum: 0, maximum: 1000 });
const rule = (name: string, who: 'reader' | 'member') => ({ rule: `broker:${name}`, who }) as const;

export const fleets = operations({
  list: {
    method: 'GET',
    path: '/fleets',
    summary: 'List the fleets of the project',
    access: rule('list_fleets', 'reader'),
    stability: 'experimental',
    status: 200,
    response: Type.Object({ fleets: Type.Array(Fleet) }),
    list: { resource: 'fleet', show: 'show', parameter: 'fleet_id' },
  },
  create: {
    method: 'POST',
    path: '/fleets',
    summary: 'Keep so many machines running, in the name of the caller',
    access: rule('create_fleet', 'member'),
    stability: 'experimental',
    body: Type.Object({ fleet: Type.Object({ name: Name, size: Size, machine: Machine, burst: Type.Optional(Nullable(Burst)) }, { additionalProperties: false }) }, { additionalProperties: false }),
    status: 202,
    response: Type.Object({ fleet: Fleet }),
  },
  show: { method: 'GET', path: '/fleets/{fleet_id}', summary: 'Show a fleet and where its machines are', access: rule('get_fleet', 'reader'), stability: 'experimental', status: 200, response: Type.Object({ fleet: Fleet }) },
  update: {
    method: 'PATCH',
    path: '/fleets/{fleet_id}',
    summary: 'Change its size or how it bursts',
    access: rule('update_fleet', 'member'),
    stability: 'experimental',
    body: Type.Object({ fleet: Type.Object({ name: Type.Optional(Name), size: Type.Optional(Size), burst: Type.Optional(Nullable(Burst)) }, { additionalProperties: false, minProperties: 1 }) }, { additionalProperties: false }),
    status: 202,
    response: Type.Object({ fleet: Fleet }),
  },
  delete: { method: 'DELETE', path: '/fleets/{fleet_id}', summary: 'Delete the fleet with its machines', access: rule('delete_fleet', 'member'), stability: 'experimental', status: 202 },
});
