/** Every list can be watched, by the items that it holds or as a whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TSchema } from 'typebox';
import type { Operation, Operations } from '../contract/contract.ts';
import { contracts } from '../contract/contracts.ts';

/** What looks like a list and cannot be watched, and why. */
const exceptions: Record<string, string> = {
  'identity.tokens.validate': 'one token, which does not change',
  'identity.domainConfig.show': 'one document of settings',
  'identity.domainConfig.showDefaults': 'settings of the program',
  'identity.domainConfig.showGroupDefaults': 'settings of the program',
  'identity.domainConfig.showOptionDefault': 'settings of the program',
  'identity.trusts.listRoles': 'those that the trust was made with',
  'identity.accessTokens.listRoles': 'those that the token was made with',
  'intercloud-federation.feed.news': 'news since a place that the reader names; he asks again',
  'intercloud-billing.invoices.replay': 'an invoice worked out anew, to compare',
  'intercloud-region.capacity.show': 'one document of numbers',
  'intercloud-region.placing.show': 'one decision, which stays as it was taken',
  'intercloud-region.differences.show': 'two clouds compared as they are now, and the other one tells of no change',
  'placement.providers.aggregates': 'ids only: the list of aggregates tells of groups that have a name',
  'placement.usages.show': 'numbers, which change with every claim',
  'placement.candidates.list': 'an answer to a question, which is another with every claim',
  'image.schemas.image': 'a document of the program',
  'image.schemas.images': 'a document of the program',
  'image.schemas.member': 'a document of the program',
  'image.schemas.members': 'a document of the program',
  'image.schemas.task': 'a document of the program',
  'image.schemas.tasks': 'a document of the program',
  'image.schemas.metadefNamespace': 'a document of the program',
  'image.schemas.metadefNamespaces': 'a document of the program',
  'image.schemas.metadefObject': 'a document of the program',
  'image.schemas.metadefObjects': 'a document of the program',
  'image.schemas.metadefProperty': 'a document of the program',
  'image.schemas.metadefProperties': 'a document of the program',
  'image.schemas.metadefResourceType': 'a document of the program',
  'image.schemas.metadefResourceTypes': 'a document of the program',
  'image.schemas.metadefTag': 'a document of the program',
  'image.schemas.metadefTags': 'a document of the program',
  'image.metadefNamespaces.list': 'descriptions for forms, which operators seldom change and nothing depends on',
  'image.metadefObjects.list': 'descriptions for forms, which operators seldom change and nothing depends on',
  'image.metadefProperties.list': 'descriptions for forms, which operators seldom change and nothing depends on',
  'image.metadefResourceTypes.list': 'descriptions for forms, which operators seldom change and nothing depends on',
  'image.metadefResourceTypes.associations': 'descriptions for forms, which operators seldom change and nothing depends on',
  'image.metadefTags.list': 'descriptions for forms, which operators seldom change and nothing depends on',
  'image.imports.methods': 'those that an operator has set',
  'image.stores.list': 'those that an operator has set',
  'image.stores.detail': 'those that an operator has set',
  'image.tasks.list': 'a task is the work on an image: the list of images tells how it goes',
  'image.tasks.ofImage': 'a task is the work on an image: the list of images tells how it goes',
  'image.locations.list': 'where the bytes of one image are: the list of images tells of changes',
  'image.cache.list': 'copies that are near, as they are now',
  'volumev3.types.default': 'one type; the list of types can be watched',
  'volumev3.groupTypes.default': 'one type; the list of types can be watched',
  'volumev3.limits.limits': 'one document of numbers',
  'volumev3.limits.defaultQuota': 'numbers of the program',
  'volumev3.limits.zones': 'there is one zone, always',
  'volumev3.limits.extensions': 'those that the program knows',
  'volumev3.capabilities.resourceFilters': 'those that the program knows',
  'volumev3.clusters.list': 'there are none, ever',
  'volumev3.clusters.detail': 'there are none, ever',
  'network.extensions.list': 'those that the program knows',
  'network.agents.list': 'hosts that report; the list of hypervisors tells of them',
  'network.l3Agents.ofRouter': 'hosts of one router: the list of routers tells of changes',
  'network.l3Agents.routers': 'routers of one host: the list of routers tells of changes',
  'network.dhcpAgents.ofNetwork': 'there are none, ever',
  'network.dhcpAgents.networks': 'there are none, ever',
  'network.segments.list': 'one a network; the list of networks tells of them',
  'network.networkFloatingIpPools.list': 'subnets of the outside; the list of subnets can be watched',
  'network.networkFloatingIpPools.listServed': 'the same at the address at which neutron has it',
  'network.networkAvailabilityZones.list': 'where hosts are, which aggregates say: the list of aggregates tells of changes',
  'network.qosRuleTypeList.list': 'those that the program knows',
  'network.loggableResources.list': 'those that the program knows',
  'network.serviceProviders.list': 'those that the program knows',
  'network.quotas.list': 'limits that an operator has set, of which nothing is told',
  'network.ipAvailabilities.list': 'numbers, which change with every port',
  'compute.extensions.list': 'those that the program knows',
  'compute.serverDiagnostics.show': 'numbers of one machine, as they are now',
  'compute.serverShares.list': 'there are none, ever',
  'compute.serverTopology.show': 'one machine as it was laid out',
  'compute.usageAudits.list': 'one document of numbers',
  'compute.hypervisors.uptime': 'one document; the list of hypervisors tells of hosts',
  'compute.hypervisors.search': 'what the list of hypervisors shows, as it was asked for up to 2.52',
  'compute.hypervisors.servers': 'what the list of hypervisors shows, as it was asked for up to 2.52',
  'compute.limits.show': 'one document of numbers',
};

const lists = contracts.flatMap(({ type, nouns }) =>
  Object.entries(nouns).flatMap(([noun, operations]) => Object.entries(operations as Operations).flatMap(([name, operation]) => (isList(operation) ? [{ id: `${type}.${noun}.${name}`, operation, operations: operations as Operations }] : []))),
);

test('every list can be watched, or is named here with a reason', () => {
  assert.ok(lists.length > 80, 'no lists were found');
  assert.deepEqual(lists.filter(({ id, operation }) => !operation.list && !exceptions[id]).map(({ id }) => id), [], 'say in the contract what `list` it is, or here why it is none');
});

test('what is named as an exception is a list that cannot be watched', () => {
  assert.deepEqual(Object.keys(exceptions).filter((each) => !lists.some(({ id, operation }) => id === each && !operation.list)), []);
});

test('what a list is watched by is there: the operation that shows one, the path parameter that names its owner', () => {
  for (const { id, operation, operations } of lists) {
    const { list, path } = operation;
    if (!list) continue;
    if ('show' in list) assert.ok(operations[list.show]?.path.includes(`{${list.parameter}}`), `${id}: ${list.show} takes no ${list.parameter}`);
    else for (const parameter of Object.values(list.after)) assert.ok(parameter === null || path.includes(`{${parameter}}`), `${id}: ${path} has no ${String(parameter)}`);
  }
});

test('an operation that shows a list is taken for one', () => {
  const operation = { method: 'GET', path: '/things/{thing_id}/parts', summary: '', access: { rule: '', who: 'user' }, stability: 'stable', status: 200 } as const;
  const strings = { type: 'array', items: { type: 'string' } };
  const byName = { type: 'object', patternProperties: { '': { type: 'string' } } };
  for (const parts of [strings, byName, { type: 'object', properties: { prior: { type: 'string' }, parts: strings } }])
    assert.ok(isList({ ...operation, response: { type: 'object', properties: { parts } } as TSchema }));
  assert.ok(!isList({ ...operation, response: { type: 'object', properties: { part: { type: 'string' }, links: strings } } as TSchema }));
});

/** It ends in no id, and shows several, as an array or by name. */
function isList({ method, path, response }: Operation): boolean {
  return method === 'GET' && !path.endsWith('}') && typeof response === 'object' && holdsSeveral(response, 2);
}

function holdsSeveral(schema: TSchema, depth: number): boolean {
  const { type, patternProperties, properties = {}, anyOf } = schema as { type?: string; patternProperties?: object; properties?: Record<string, TSchema>; anyOf?: TSchema[] };
  if (type === 'array' || patternProperties !== undefined) return true;
  if (anyOf) return anyOf.some((each) => holdsSeveral(each, depth));
  return depth > 0 && Object.entries(properties).some(([name, each]) => !name.endsWith('links') && holdsSeveral(each, depth - 1));
}
