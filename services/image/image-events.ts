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
