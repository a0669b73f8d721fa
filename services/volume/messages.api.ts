/** The door of messages. */
import { messages as contract } from '../../contract/volume/messages.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { cut, readPage } from './lists.ts';
import { deleteMessage, getMessage, listMessages, textOf, type Message } from './messages.ts';
import { demandKnownFilters } from './resource-filters.ts';
import { linksTo, micros, nextLinks } from './shapes.ts';

const filters = ['resource_type', 'resource_uuid', 'event_id', 'request_id', 'message_level'];

export const messages = implement(contract, {
  async list(request) {
    if (request.query.any_filter !== true) demandKnownFilters(request.caller, 'message', [...Object.keys(request.query), ...Object.keys(request.otherQuery)]);
    const query = readPage(request.query, filters);
    const { page, next } = cut(await listMessages(request, query), query.limit, request.page);
    return new Answer({ messages: page.map((message) => shown(request, message)), ...(next === undefined ? {} : { messages_links: nextLinks(next) }) }, { next });
  },

  show: async (request) => ({ message: shown(request, await getMessage(request, request.params.message_id)) }),

  async delete(request) {
    await deleteMessage(request, request.params.message_id);
    return undefined;
  },
});

function shown(asked: Parameters<typeof linksTo>[0], message: Message) {
  return {
    id: message.id,
    event_id: `VOLUME_${message.resourceType}_${message.actionId}_${message.detailId}`,
    user_message: textOf(message),
    message_level: 'ERROR',
    created_at: micros(message.createdAt),
    guaranteed_until: micros(message.expiresAt),
    request_id: message.requestId ?? '',
    resource_type: message.resourceType,
    resource_uuid: message.resourceId,
    links: linksTo(asked, `/messages/${message.id}`),
  };
}
