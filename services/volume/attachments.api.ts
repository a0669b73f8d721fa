/** The door of attachments. */
import { attachments as contract } from '../../contract/volume/attachments.ts';
import { badRequest } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { readPage } from './lists.ts';
import { demandKnownFilters } from './resource-filters.ts';
import { attachmentBrief, attachmentShown } from './shapes.ts';
import { completeClientAttachment, createAttachment, endAttachment, getAttachment, listVolumeAttachments, type Attachment } from './volumes.ts';

type Listed = Parameters<typeof listVolumeAttachments>[0] & { otherQuery: Readonly<Record<string, unknown>>; query: { volume_id?: string; instance_id?: string } & Readonly<Record<string, unknown>> };

function found(request: Listed): Promise<Attachment[]> {
  if (request.query['any_filter'] !== true) demandKnownFilters(request.caller, 'attachment', [...Object.keys(request.query), ...Object.keys(request.otherQuery)]);
  const { limit, offset, everyProject } = readPage(request.query, []);
  return listVolumeAttachments(request, { volumeId: request.query.volume_id, serverId: request.query.instance_id, everyProject, limit, offset });
}

export const attachments = implement(contract, {
  list: async (request) => ({ attachments: (await found(request)).map(attachmentBrief) }),
  detail: async (request) => ({ attachments: (await found(request)).map(attachmentShown) }),

  async create(request) {
    const { volume_uuid: volumeId, instance_uuid: serverId, connector, mode } = request.body.attachment;
    demandNoConnector(connector);
    return { attachment: attachmentShown(await createAttachment(request, { volumeId, serverId: serverId ?? null, ofCompute: false, ...(mode === undefined ? {} : { mode }) })) };
  },

  show: async (request) => ({ attachment: attachmentShown(await getAttachment(request, request.params.attachment_id)) }),

  async update(request) {
    demandNoConnector(request.body.attachment.connector);
    return { attachment: attachmentShown(await getAttachment(request, request.params.attachment_id)) };
  },

  async complete(request) {
    await completeClientAttachment(request, request.params.attachment_id);
    return undefined;
  },

  delete: async (request) => ({ attachments: (await endAttachment(request, request.params.attachment_id)).map(attachmentBrief) }),
});

/** Volumes are not exported to hosts that are not this cloud's. */
function demandNoConnector(connector: unknown): void {
  if (connector != null) throw badRequest('Invalid input received: Volumes of this cloud are attached by its compute service only: leave the connector out.');
}
