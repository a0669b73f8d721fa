/** With whom an image is shared: glance/api/v2/image_members.py. */
import { conflict, Fault, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { toldMember } from './image-events.ts';
import { getImage } from './images.ts';
import type { Image } from './images.store.ts';
import { deleteMember, findMember, insertMember, listMembers, setMemberStatus, type Member, type MemberStatus } from './members.store.ts';

export type { Member } from './members.store.ts';

/** The owner sees all shares, a member its own. */
export async function membersOf(context: Context, imageId: string): Promise<Member[]> {
  const image = await sharedImage(context, imageId, 'list');
  return listMembers(context.tx, imageId, owns(context, image) ? undefined : (context.caller.projectId ?? ''));
}

export async function getMember(context: Context, imageId: string, memberId: string): Promise<Member> {
  const image = await getImage(context, imageId);
  const mayKnow = owns(context, image) || memberId === context.caller.projectId;
  const member = image.visibility === 'shared' && mayKnow ? await findMember(context.tx, imageId, memberId) : undefined;
  if (!member) throw noMember(imageId, memberId);
  return member;
}

export async function addMember(context: Context, imageId: string, memberId: string): Promise<Member> {
  const image = await sharedImage(context, imageId, 'create');
  if (!owns(context, image)) throw notAllowed('create', imageId);
  const { tx, now } = context;
  if ((await listMembers(tx, imageId)).length >= 128) throw new Fault(413, 'HTTPRequestEntityTooLarge', `Image member limit exceeded for image ${imageId}: 128 is the most.`);
  const member = await insertMember(tx, { imageId, projectId: image.projectId, memberId, now });
  if (!member) throw conflict(`Member ${memberId} is duplicated for image ${imageId}`);
  await toldMember(context, 'image.member.create', image, memberId);
  return member;
}

export async function answerMembership(context: Context, imageId: string, memberId: string, status: MemberStatus): Promise<Member> {
  const image = await sharedImage(context, imageId, 'update');
  // Only the project itself says whether it wants the image in its lists.
  if (memberId !== context.caller.projectId && !context.caller.isAdmin) throw notAllowed('update', imageId);
  if (image.projectId === context.caller.projectId && !context.caller.isAdmin) throw notAllowed('update', imageId);
  if ((await setMemberStatus(context.tx, imageId, memberId, { status, now: context.now })) === 0) throw noMember(imageId, memberId);
  await toldMember(context, 'image.member.update', image, memberId);
  return getMember(context, imageId, memberId);
}

export async function removeMember(context: Context, imageId: string, memberId: string): Promise<void> {
  const image = await sharedImage(context, imageId, 'delete');
  if (!owns(context, image)) throw notAllowed('delete', imageId);
  if ((await deleteMember(context.tx, imageId, memberId)) === 0) throw noMember(imageId, memberId);
  await toldMember(context, 'image.member.delete', image, memberId);
}

async function sharedImage(context: Context, imageId: string, action: string): Promise<Image> {
  const image = await getImage(context, imageId);
  if (image.visibility !== 'shared') throw new Fault(403, 'HTTPForbidden', action === 'list' ? `Not allowed to list members for image ${imageId}: Only shared images have members.` : `Not allowed to ${action} members for image ${imageId}.`);
  return image;
}

function owns({ caller }: Context, image: Image): boolean {
  return caller.isAdmin || image.projectId === caller.projectId;
}

function notAllowed(action: string, imageId: string): Fault {
  return new Fault(403, 'HTTPForbidden', `Not allowed to ${action} members for image ${imageId}.`);
}

function noMember(imageId: string, memberId: string): Fault {
  return notFound(`${memberId} not found in the member list of the image ${imageId}.`, 'HTTPNotFound');
}
