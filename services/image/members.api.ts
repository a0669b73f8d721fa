/** The door of shares. */
import { members as contract } from '../../contract/image/members.ts';
import { implement } from '../../kit/http/implement.ts';
import { seconds } from './images.api.ts';
import { addMember, answerMembership, getMember, membersOf, removeMember, type Member } from './members.ts';

export const members = implement(contract, {
  list: async (request) => ({ members: (await membersOf(request, request.params.image_id)).map(shown), schema: '/v2/schemas/members' }),
  add: async (request) => shown(await addMember(request, request.params.image_id, request.body.member)),
  show: async (request) => shown(await getMember(request, request.params.image_id, request.params.member_id)),
  update: async (request) => shown(await answerMembership(request, request.params.image_id, request.params.member_id, request.body.status)),
  async remove(request) {
    await removeMember(request, request.params.image_id, request.params.member_id);
    return undefined;
  },
});

function shown({ imageId, memberId, status, createdAt, updatedAt }: Member) {
  return { image_id: imageId, member_id: memberId, status, created_at: seconds(createdAt), updated_at: seconds(updatedAt), schema: '/v2/schemas/member' };
}
