/** Projects with which an image is shared: glance/api/v2/image_members.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';

const Status = Type.Enum(['pending', 'accepted', 'rejected']);

export const Member = Type.Object(
  { created_at: Type.String(), image_id: Type.String(), member_id: Type.String(), schema: Type.String(), status: Status, updated_at: Type.String() },
  { additionalProperties: false },
);

export const members = operations({
  list: {
    method: 'GET',
    path: '/images/{image_id}/members',
    summary: 'List the projects with which an image is shared',
    access: { rule: 'get_members', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    status: 200,
    response: Type.Object({ members: Type.Array(Member), schema: Type.String() }, { additionalProperties: false }),
    list: { resource: 'image_member', show: 'show', parameter: 'member_id' },
  },
  add: {
    method: 'POST',
    path: '/images/{image_id}/members',
    summary: 'Share an image with a project',
    access: { rule: 'add_member', who: 'member', adminEverywhere: true },
    stability: 'stable',
    body: Type.Object({ member: Type.String({ minLength: 1, maxLength: 255 }) }),
    status: 200,
    response: Member,
  },
  show: {
    method: 'GET',
    path: '/images/{image_id}/members/{member_id}',
    summary: 'Show the share of a project in an image',
    access: { rule: 'get_member', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    status: 200,
    response: Member,
  },
  update: {
    method: 'PUT',
    path: '/images/{image_id}/members/{member_id}',
    summary: 'Accept or reject a shared image, as the project with which it is shared',
    access: { rule: 'modify_member', who: 'member', adminEverywhere: true },
    stability: 'stable',
    body: Type.Object({ status: Status }),
    status: 200,
    response: Member,
  },
  remove: {
    method: 'DELETE',
    path: '/images/{image_id}/members/{member_id}',
    summary: 'Share an image with a project no longer',
    access: { rule: 'delete_member', who: 'member', adminEverywhere: true },
    stability: 'stable',
    status: 204,
  },
});
