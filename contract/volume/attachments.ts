/** Attachments: cinder/api/v3/attachments.py. Those of servers are made and ended by the compute service. */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { anyFilter, Attachment, AttachmentSummary, filter, Links, orNull, paging, Text } from './volume.ts';

const closed = { additionalProperties: false };
const member = (rule: string) => ({ rule, who: 'member', adminEverywhere: true }) as const;
const reader = (rule: string) => ({ rule, who: 'reader', adminEverywhere: true }) as const;
const listQuery = Type.Object({ ...paging, project_id: filter, volume_id: filter, status: filter, instance_id: filter, attach_status: filter, any_filter: anyFilter });
const Connector = orNull(Type.Record(Type.String(), Type.Unknown()));

export const attachments = operations({
  list: {
    method: 'GET',
    path: '/attachments',
    summary: 'List attachments, briefly',
    access: reader('volume:get'),
    stability: 'stable',
    since: '3.27',
    query: listQuery,
    status: 200,
    response: Type.Object({ attachments: Type.Array(AttachmentSummary), attachments_links: Type.Optional(Links) }, closed),
    list: { resource: 'volume_attachment', show: 'show', parameter: 'attachment_id' },
  },
  detail: {
    method: 'GET',
    path: '/attachments/detail',
    summary: 'List attachments',
    access: reader('volume:get'),
    stability: 'stable',
    since: '3.27',
    query: listQuery,
    status: 200,
    response: Type.Object({ attachments: Type.Array(Attachment), attachments_links: Type.Optional(Links) }, closed),
    list: { resource: 'volume_attachment', show: 'show', parameter: 'attachment_id' },
  },
  create: {
    method: 'POST',
    path: '/attachments',
    summary: 'Keep a volume for someone who is going to use it',
    access: member('volume:attachment_create'),
    stability: 'stable',
    since: '3.27',
    body: Type.Object({ attachment: Type.Object({ volume_uuid: Text, instance_uuid: Type.Optional(Text), connector: Type.Optional(Connector), mode: since('3.54', Type.Optional(Type.Enum(['rw', 'ro']))) }, closed) }, closed),
    status: 200,
    response: Type.Object({ attachment: Attachment }, closed),
  },
  show: {
    method: 'GET',
    path: '/attachments/{attachment_id}',
    summary: 'Show an attachment',
    access: reader('volume:get'),
    stability: 'stable',
    since: '3.27',
    status: 200,
    response: Type.Object({ attachment: Attachment }, closed),
  },
  update: {
    method: 'PUT',
    path: '/attachments/{attachment_id}',
    summary: 'Say from where the volume is going to be used',
    access: member('volume:attachment_update'),
    stability: 'stable',
    since: '3.27',
    body: Type.Object({ attachment: Type.Object({ connector: Connector }, closed) }, closed),
    status: 200,
    response: Type.Object({ attachment: Attachment }, closed),
  },
  complete: {
    method: 'POST',
    path: '/attachments/{attachment_id}/action',
    action: 'os-complete',
    summary: 'Say that the volume is in use',
    access: member('volume:attachment_complete'),
    stability: 'stable',
    since: '3.44',
    body: Type.Object({ 'os-complete': Type.Unknown() }, closed),
    status: 204,
  },
  delete: {
    method: 'DELETE',
    path: '/attachments/{attachment_id}',
    summary: 'Let go of a volume; a server’s is let go by the compute service only',
    access: member('volume:attachment_delete'),
    stability: 'stable',
    since: '3.27',
    status: 200,
    response: Type.Object({ attachments: Type.Array(AttachmentSummary) }, closed),
  },
});
