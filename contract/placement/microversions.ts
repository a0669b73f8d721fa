/** Steps between placement's microversions that marks cannot express. placement/rest_api_version_history.rst */
import type { Change } from '../contract.ts';
import { claimOfList, claimOfListWithOwner, claimWithoutGeneration } from './allocations.ts';
import { customName, exactly, uuid } from './fields.ts';
import { Type } from 'typebox';

type Links = { links: { rel: string; href: string }[] };
type Request = { allocations: Record<string, { resources: Record<string, number> }> };
type Summaries = Record<string, { resources: Record<string, unknown>; parent_provider_uuid: string | null }>;
type Candidates = { allocation_requests: Request[]; provider_summaries: Summaries };

const everyProvider = ['providers.list', 'providers.show', 'providers.update', 'providers.create'];

function withoutLink(rel: string) {
  return (body: Links | { resource_providers: Links[] }) => {
    for (const provider of 'resource_providers' in body ? body.resource_providers : [body]) provider.links = provider.links.filter((link) => link.rel !== rel);
    return body;
  };
}

/** The last of what is given more than once. */
function lastOf(name: 'required') {
  return (query: Record<string, unknown>) => (Array.isArray(query[name]) ? { ...query, [name]: (query[name] as unknown[]).slice(-1) } : query);
}

/** More than one is refused, not read as one: placement/util.py, normalize_member_of_qs_params */
function saidOnce(query: { member_of?: string[] }) {
  return (query.member_of?.length ?? 0) > 1 ? { ...query, member_of_again: true } : query;
}

/** Who had no owner yet: placement/conf/placement.py, incomplete_consumer_project_id */
const nobody = '00000000-0000-0000-0000-000000000000';

export const changes: readonly Change[] = [
  { version: '1.1', title: 'Providers link to their groups', operations: everyProvider, response: withoutLink('aggregates') },
  { version: '1.6', title: 'Providers link to their traits', operations: everyProvider, response: withoutLink('traits') },
  {
    version: '1.7',
    title: 'A class is made by its name, and never renamed',
    operations: ['resourceClasses.update'],
    body: exactly({ name: customName }),
    request: ({ name }: { name: string }) => ({ rename: name }),
  },
  { version: '1.8', title: 'Who claims has a project and a user', operations: ['allocations.set'], body: claimOfList, request: (body: object) => ({ ...body, project_id: nobody, user_id: nobody }) },
  { version: '1.11', title: 'Providers link to who claims them', operations: everyProvider, response: withoutLink('allocations') },
  {
    version: '1.12',
    title: 'What is claimed is said by provider',
    operations: ['allocations.set'],
    body: claimOfListWithOwner,
    request: (body: { allocations: { resource_provider: { uuid: string }; resources: unknown }[] }) => ({ ...body, allocations: Object.fromEntries(body.allocations.map(({ resource_provider: { uuid: id }, resources }) => [id, { resources }])) }),
  },
  {
    version: '1.12',
    title: 'Candidates are said by provider',
    operations: ['candidates.list'],
    response: (body: { allocation_requests: Request[] }) => ({
      ...body,
      allocation_requests: body.allocation_requests.map(({ allocations }) => ({ allocations: Object.entries(allocations).map(([id, { resources }]) => ({ resource_provider: { uuid: id }, resources })) })),
    }),
  },
  { version: '1.15', title: 'Replies say how new they are', operations: ['*'], newHeaders: ['cache-control', 'last-modified'] },
  {
    version: '1.19',
    title: 'Groups are said with the generation that they are about',
    operations: ['providers.setAggregates'],
    body: Type.Array(uuid, { uniqueItems: true }),
    request: (aggregates: string[]) => ({ aggregates }),
  },
  { version: '1.20', title: 'A new provider is shown', operations: ['providers.create'], status: 201, response: () => undefined },
  { version: '1.24', title: 'Providers may have to be in several groups', operations: ['providers.list', 'candidates.list'], query: saidOnce },
  { version: '1.26', title: 'All of an inventory may be kept back', operations: ['providers.createInventory', 'providers.setInventories', 'providers.updateInventory'], request: (body: object) => ({ ...body, leaves_some: true }) },
  {
    version: '1.27',
    title: 'Candidates tell of all that providers have',
    operations: ['candidates.list'],
    response: ({ requested = [], ...body }: Candidates & { requested?: string[] }) => {
      for (const summary of Object.values(body.provider_summaries)) summary.resources = Object.fromEntries(Object.entries(summary.resources).filter(([name]) => requested.includes(name)));
      return body;
    },
  },
  { version: '1.28', title: 'Who claims has generations', operations: ['allocations.set'], body: claimWithoutGeneration },
  {
    version: '1.29',
    title: 'Candidates may be parts of a provider',
    operations: ['candidates.list'],
    response: (body: Candidates) => {
      const whole = (id: string) => body.provider_summaries[id]?.parent_provider_uuid === null;
      return {
        ...body,
        allocation_requests: body.allocation_requests.filter(({ allocations }) => Object.keys(allocations).every(whole)),
        provider_summaries: Object.fromEntries(Object.entries(body.provider_summaries).filter(([id]) => whole(id))),
      };
    },
  },
  { version: '1.37', title: 'A provider may get another parent', operations: ['providers.update'], request: (body: object) => ({ ...body, keeps_parent: true }) },
  {
    version: '1.38',
    title: 'What is claimed is told by the type of who claims',
    operations: ['usages.show'],
    response: ({ usages }: { usages: Record<string, Record<string, number>> }) => {
      const sums: Record<string, number> = {};
      for (const { consumer_count: _, ...amounts } of Object.values(usages)) for (const [name, amount] of Object.entries(amounts)) sums[name] = (sums[name] ?? 0) + amount;
      return { usages: sums };
    },
  },
  { version: '1.39', title: 'Traits may be said more than once', operations: ['providers.list', 'candidates.list'], query: lastOf('required') },
];
