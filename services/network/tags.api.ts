import { floatingIpTags as floatingIpContract, networkTags as networkContract, portTags as portContract, routerTags as routerContract, securityGroupTags as groupContract, subnetPoolTags as subnetPoolContract, subnetTags as subnetContract, trunkTags as trunkContract, policyTags as policyContract, qosPolicyTags as qosPolicyContract } from '../../contract/network/tags.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { addTag, addTags, clearTags, demandTag, listTags, removeTag, replaceTags, type Taggable } from './tags.ts';

/** The same six operations for every resource that carries tags. */
const handlersFor = (resource: Taggable) => ({
  list: async (request: Context & { params: { id: string } }) => ({ tags: await listTags(request, resource, request.params.id) }),
  replace: async (request: Context & { params: { id: string }; body: { tags: string[] } }) => ({ tags: await replaceTags(request, resource, request.params.id, request.body.tags) }),
  async create(request: Context & { params: { id: string }; body: { tags: string[] } }) {
    await addTags(request, resource, request.params.id, request.body.tags);
    return { tags: request.body.tags };
  },
  async clear(request: Context & { params: { id: string } }) {
    await clearTags(request, resource, request.params.id);
    return undefined;
  },
  async has(request: Context & { params: { id: string; tag: string } }) {
    await demandTag(request, resource, request.params.id, request.params.tag);
    return undefined;
  },
  async add(request: Context & { params: { id: string; tag: string } }) {
    await addTag(request, resource, request.params.id, request.params.tag);
    return undefined;
  },
  async remove(request: Context & { params: { id: string; tag: string } }) {
    await removeTag(request, resource, request.params.id, request.params.tag);
    return undefined;
  },
});

export const networkTags = implement(networkContract, handlersFor('network'));
export const subnetTags = implement(subnetContract, handlersFor('subnet'));
export const portTags = implement(portContract, handlersFor('port'));
export const routerTags = implement(routerContract, handlersFor('router'));
export const floatingIpTags = implement(floatingIpContract, handlersFor('floatingip'));
export const securityGroupTags = implement(groupContract, handlersFor('security_group'));
export const subnetPoolTags = implement(subnetPoolContract, handlersFor('subnetpool'));
export const trunkTags = implement(trunkContract, handlersFor('trunk'));
export const policyTags = implement(policyContract, handlersFor('qos_policy'));
export const qosPolicyTags = implement(qosPolicyContract, handlersFor('qos_policy'));
