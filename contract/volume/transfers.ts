/** Volumes on their way to another project: cinder/api/contrib/volume_transfer.py. */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { filter, Flag, Links, orNull, paging, Text } from './volume.ts';

const closed = { additionalProperties: false };
const member = (rule: string) => ({ rule, who: 'member', adminEverywhere: true }) as const;
const reader = (rule: string) => ({ rule, who: 'reader', adminEverywhere: true }) as const;

const brief = { id: Type.String(), volume_id: Type.String(), name: orNull(Type.String()), links: Links };
const Brief = Type.Object(brief, closed);
const details = {
  created_at: Type.String(),
  no_snapshots: since('3.55', Type.Boolean()),
  source_project_id: since('3.57', Type.String()),
  destination_project_id: since('3.57', orNull(Type.String())),
  accepted: since('3.57', Type.Boolean()),
};
const Transfer = Type.Object({ ...brief, ...details }, closed);
/** The key is shown this one time, for the owner to hand to whom the volume is for. */
const Offered = Type.Object({ ...brief, ...details, auth_key: Type.String() }, closed);
const { limit, offset, marker, sort, sort_key: sortKey, sort_dir: sortDir, all_tenants } = paging;
const query = Type.Object({ limit, offset, all_tenants, marker: since('3.59', marker), sort: since('3.59', sort), sort_key: since('3.59', sortKey), sort_dir: since('3.59', sortDir), name: filter, volume_id: filter });
const watched = { resource: 'volume_transfer', show: 'show', parameter: 'transfer_id' } as const;
const links = { transfers_links: since('3.59', Type.Optional(Links)) };

/** The same at two addresses: cinder/api/contrib/volume_transfer.py and, since 3.55, v3/volume_transfer.py. */
const list = { method: 'GET', summary: 'List the volumes that the project offers, briefly', access: reader('volume:get_all_transfers'), stability: 'stable', query, status: 200, response: Type.Object({ transfers: Type.Array(Brief), ...links }, closed), list: watched } as const;
const detail = { method: 'GET', summary: 'List the volumes that the project offers', access: reader('volume:get_all_transfers'), stability: 'stable', query, status: 200, response: Type.Object({ transfers: Type.Array(Transfer), ...links }, closed), list: watched } as const;
const create = {
  method: 'POST',
  summary: 'Offer a volume, with its snapshots unless told otherwise, to whoever has the key',
  access: member('volume:create_transfer'),
  stability: 'stable',
  body: Type.Object({ transfer: Type.Object({ volume_id: Text, name: Type.Optional(orNull(Text)), no_snapshots: since('3.55', Type.Optional(Flag)) }, closed) }, closed),
  status: 202,
  response: Type.Object({ transfer: Offered }, closed),
} as const;
const show = { method: 'GET', summary: 'Show what is offered', access: reader('volume:get_transfer'), stability: 'stable', status: 200, response: Type.Object({ transfer: Transfer }, closed) } as const;
const accept = {
  method: 'POST',
  summary: 'Take a volume that another project offers',
  access: { rule: 'volume:accept_transfer', who: 'member' },
  stability: 'stable',
  body: Type.Object({ accept: Type.Object({ auth_key: Type.String({ minLength: 1, maxLength: 255 }) }, closed) }, closed),
  status: 202,
  response: Type.Object({ transfer: Brief }, closed),
} as const;
const withdraw = { method: 'DELETE', summary: 'Offer a volume no longer', access: member('volume:delete_transfer'), stability: 'stable', status: 202 } as const;

export const transfers = operations({
  list: { ...list, path: '/os-volume-transfer' },
  detail: { ...detail, path: '/os-volume-transfer/detail' },
  create: { ...create, path: '/os-volume-transfer' },
  show: { ...show, path: '/os-volume-transfer/{transfer_id}' },
  accept: { ...accept, path: '/os-volume-transfer/{transfer_id}/accept' },
  delete: { ...withdraw, path: '/os-volume-transfer/{transfer_id}' },
});

export const volumeTransfers = operations({
  list: { ...list, path: '/volume-transfers', since: '3.55' },
  detail: { ...detail, path: '/volume-transfers/detail', since: '3.55' },
  create: { ...create, path: '/volume-transfers', since: '3.55' },
  show: { ...show, path: '/volume-transfers/{transfer_id}', since: '3.55' },
  accept: { ...accept, path: '/volume-transfers/{transfer_id}/accept', since: '3.55' },
  delete: { ...withdraw, path: '/volume-transfers/{transfer_id}', since: '3.55' },
});
