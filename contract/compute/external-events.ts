/** What other services tell compute. nova/api/openstack/compute/server_external_events.py */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { exactly, uuid } from './fields.ts';

const name = Type.Union([
  Type.Literal('network-changed'),
  Type.Literal('network-vif-plugged'),
  Type.Literal('network-vif-unplugged'),
  Type.Literal('network-vif-deleted'),
  since('2.51', Type.Literal('volume-extended')),
  since('2.76', Type.Literal('power-update')),
  since('2.82', Type.Literal('accelerator-request-bound')),
  since('2.93', Type.Literal('volume-reimaged')),
]);
const status = Type.Union([Type.Literal('failed'), Type.Literal('completed'), Type.Literal('in-progress')]);

export const externalEvents = operations({
  create: {
    method: 'POST',
    path: '/os-server-external-events',
    summary: 'Tell compute what became of something that servers use',
    access: { rule: 'os_compute_api:os-server-external-events:create', who: 'service' },
    stability: 'stable',
    body: exactly({ events: Type.Array(exactly({ name, server_uuid: uuid, status: Type.Optional(status), tag: Type.Optional(Type.String({ maxLength: 255 })) }), { minItems: 1 }) }),
    status: 200,
    /** Not all of them were taken. */
    otherStatuses: [207],
    response: exactly({ events: Type.Array(exactly({ name: Type.String(), server_uuid: Type.String(), status, tag: Type.Optional(Type.String()), code: Type.Integer() })) }),
  },
});
