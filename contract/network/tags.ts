import { Type } from 'typebox';
import { operations } from '../contract.ts';

/** neutron/extensions/tagging.py: at most 50, each of 1 to 255 characters. */
const Tags = Type.Object({ tags: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 50, uniqueItems: true }) }, { additionalProperties: false });
const TagsReply = Type.Object({ tags: Type.Array(Type.String()) });
const params = Type.Object({ tag: Type.String({ minLength: 1, maxLength: 255 }) });

function tagsOf<const P extends string, const R extends string>(path: P, resource: R, ruled: string = resource) {
  return operations({
    list: { method: 'GET', path: `${path}/{id}/tags`, summary: `List tags of a ${resource}`, stability: 'stable', access: { rule: `get_${ruled}:tags`, who: 'reader', adminEverywhere: true }, status: 200, response: TagsReply, list: { after: { [resource]: 'id' } } },
    replace: { method: 'PUT', path: `${path}/{id}/tags`, summary: `Replace the tags of a ${resource}`, stability: 'stable', access: { rule: `update_${ruled}:tags`, who: 'member', adminEverywhere: true }, body: Tags, status: 200, response: TagsReply },
    create: { method: 'POST', path: `${path}/{id}/tags`, summary: `Add tags to a ${resource}`, stability: 'stable', access: { rule: `create_${ruled}:tags`, who: 'member', adminEverywhere: true }, body: Tags, status: 201, response: TagsReply },
    clear: { method: 'DELETE', path: `${path}/{id}/tags`, summary: `Remove the tags of a ${resource}`, stability: 'stable', access: { rule: `delete_${ruled}:tags`, who: 'member', adminEverywhere: true }, status: 204 },
    has: { method: 'GET', path: `${path}/{id}/tags/{tag}`, summary: `Ask whether a ${resource} has a tag`, stability: 'stable', access: { rule: `get_${ruled}:tags`, who: 'reader', adminEverywhere: true }, params, status: 204 },
    add: { method: 'PUT', path: `${path}/{id}/tags/{tag}`, summary: `Add a tag to a ${resource}`, stability: 'stable', access: { rule: `update_${ruled}:tags`, who: 'member', adminEverywhere: true }, params, status: 201 },
    remove: { method: 'DELETE', path: `${path}/{id}/tags/{tag}`, summary: `Remove a tag from a ${resource}`, stability: 'stable', access: { rule: `delete_${ruled}:tags`, who: 'member', adminEverywhere: true }, params, status: 204 },
  });
}

export const networkTags = tagsOf('/networks', 'network');
export const subnetTags = tagsOf('/subnets', 'subnet');
export const portTags = tagsOf('/ports', 'port');
export const routerTags = tagsOf('/routers', 'router');
export const floatingIpTags = tagsOf('/floatingips', 'floatingip');
export const securityGroupTags = tagsOf('/security-groups', 'security_group');
export const subnetPoolTags = tagsOf('/subnetpools', 'subnetpool');
export const trunkTags = tagsOf('/trunks', 'trunk');
/** Where neutron has them, and where its clients look. */
export const policyTags = tagsOf('/policies', 'qos_policy', 'policy');
export const qosPolicyTags = tagsOf('/qos/policies', 'qos_policy', 'policy');
