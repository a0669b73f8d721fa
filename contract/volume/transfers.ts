/** Volumes on their way to another project: cinder/api/contrib/volume_transfer.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { filter, Links, orNull, paging, Text } from './volume.ts';

const closed = { additionalProperties: false };
const member = (rule: string) => ({ rule, who: 'member', adminEverywhere: true }) as const;
const reader = (rule: string) => ({ rule, who: 'reader', adminEverywhere: true }) as const;

const brief = { id: Type.String(), volume_id: Type.String(), name: orNull(Type.String()), links: Links };
const Brief = Type.Object(brief, closed);
const Transfer = Type.Object({ ...brief, created_at: Type.String() }, closed);
/** The key is shown this one time, for the owner to hand to whom the volume is for. */
const Offered = Type.Object({ ...brief, created_at: Type.String(), auth_key: Type.String() }, closed);
const { limit, offset, all_tenants } = paging;
const query = Type.Object({ limit, offset, all_tenants, name: filter, volume_id: filter });
const watched = { resource: 'volume_transfer', show: 'show', parameter: 'transfer_id' } as const;

export const transfers = operations({
  list: {
    method: 'GET',
    path: '/os-volume-transfer',
    summary: 'List the volumes that the project offers, briefly',
    access: reader('volume:get_all_transfers'),
    stability: 'stable',
    query,
    status: 200,
    response: Type.Object({ transfers: Type.Array(Brief) }, closed),
    list: watched,
  },
  detail: {
    method: 'GET',
    path: '/os-volume-transfer/detail',
    summary: 'List the volumes that the project offers',
    access: reader('volume:get_all_transfers'),
    stability: 'stable',
    query,
    status: 200,
    response: Type.Object({ transfers: Type.Array(Transfer) }, closed),
    list: watched,
  },
  create: {
    method: 'POST',
    path: '/os-volume-transfer',
    summary: 'Offer a volume with its snapshots to whoever has the key',
    access: member('volume:create_transfer'),
    stability: 'stable',
    body: Type.Object({ transfer: Type.Object({ volume_id: Text, name: Type.Optional(orNull(Text)) }, closed) }, closed),
    status: 202,
    response: Type.Object({ transfer: Offered }, closed),
  },
  show: {
    method: 'GET',
    path: '/os-volume-transfer/{transfer_id}',
    summary: 'Show what is offered',
    access: reader('volume:get_transfer'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ transfer: Transfer }, closed),
  },
  accept: {
    method: 'POST',
    path: '/os-volume-transfer/{transfer_id}/accept',
    summary: 'Take a volume that another project offers',
    access: { rule: 'volume:accept_transfer', who: 'member' },
    stability: 'stable',
    body: Type.Object({ accept: Type.Object({ auth_key: Type.String({ minLength: 1, maxLength: 255 }) }, closed) }, closed),
    status: 202,
    response: Type.Object({ transfer: Brief }, closed),
  },
  delete: {
    method: 'DELETE',
    path: '/os-volume-transfer/{transfer_id}',
    summary: 'Offer a volume no longer',
    access: member('volume:delete_transfer'),
    stability: 'stable',
    status: 202,
  },
});
