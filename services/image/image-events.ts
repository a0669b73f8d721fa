/** Every change of an image, told in the transaction that makes it. */
import { emit } from '../../kit/events/events.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Image } from './images.store.ts';

type Telling = Pick<Context, 'tx' | 'now'> & { requestId?: string | undefined };

export async function told(context: Telling, type: string, image: Image): Promise<Image> {
  const { id, projectId, name, status, visibility, sizeBytes } = image;
  await emit(context.tx, { now: () => context.now }, { type, resource: 'image', resourceId: id, projectId, payload: { name, status, visibility, sizeBytes }, requestId: context.requestId });
  return image;
}

/** A share is the owner's business and the member's: each of the two projects is told. */
export async function toldMember({ tx, now, requestId }: Telling, type: string, { id, projectId }: Image, memberId: string): Promise<void> {
  for (const project of new Set([projectId, memberId])) await emit(tx, { now: () => now }, { type, resource: 'image_member', resourceId: memberId, projectId: project, payload: { image_id: id, member_id: memberId }, requestId });
}
