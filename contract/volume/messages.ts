/** Why what was asked for did not come about: cinder/api/v3/messages.py. */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { anyFilter, filter, Links, paging } from './volume.ts';

const closed = { additionalProperties: false };
const Message = Type.Object(
  {
    id: Type.String(),
    event_id: Type.String(),
    user_message: Type.String(),
    message_level: Type.String(),
    created_at: Type.String(),
    guaranteed_until: Type.String(),
    request_id: Type.String(),
    resource_type: Type.String(),
    resource_uuid: Type.String(),
    links: Links,
  },
  closed,
);
const { limit, offset, marker, sort, sort_key: sortKey, sort_dir: sortDir } = paging;

export const messages = operations({
  list: {
    method: 'GET',
    path: '/messages',
    summary: 'List what went wrong with the project’s volumes and snapshots',
    access: { rule: 'message:get_all', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    since: '3.3',
    query: Type.Object({
      limit: since('3.5', limit), offset: since('3.5', offset), marker: since('3.5', marker), sort: since('3.5', sort), sort_key: since('3.5', sortKey), sort_dir: since('3.5', sortDir),
      resource_type: since('3.5', filter), resource_uuid: since('3.5', filter), event_id: since('3.5', filter), request_id: since('3.5', filter), message_level: since('3.5', filter), any_filter: anyFilter,
    }),
    status: 200,
    response: Type.Object({ messages: Type.Array(Message), messages_links: Type.Optional(Links) }, closed),
    list: { resource: 'volume_message', show: 'show', parameter: 'message_id' },
  },
  show: {
    method: 'GET',
    path: '/messages/{message_id}',
    summary: 'Show what went wrong once',
    access: { rule: 'message:get', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    since: '3.3',
    status: 200,
    response: Type.Object({ message: Message }, closed),
  },
  delete: {
    method: 'DELETE',
    path: '/messages/{message_id}',
    summary: 'Forget a message',
    access: { rule: 'message:delete', who: 'member', adminEverywhere: true },
    stability: 'stable',
    since: '3.3',
    status: 204,
  },
});
