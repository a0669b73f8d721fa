/** What is in the partner's Neutron in one project. */
import type { Services } from '../partner.ts';
import { paged } from '../volumes.ts';

/** As Neutron shows it. Our tag is its description: of all that a resource can be given when it is made, every one has that. */
export type Remote = { id: string; tag: string | null; createdAt: string } & Record<string, unknown>;

export type Observed = { networks: Remote[]; subnets: Remote[]; securityGroups: Remote[]; ports: Remote[]; routers: Remote[]; floatingIps: Remote[] };
export type Collection = keyof Observed;

export async function observe({ network, projectId }: Services, collections: readonly Collection[]): Promise<Observed> {
  const query = { project_id: [projectId ?? ''] };
  const lists: Record<Collection, (paging: object) => Promise<{ items: unknown[] | undefined; more: unknown }>> = {
    networks: async (paging) => after(await network.networks.list({ query: { ...query, ...paging } }), 'networks'),
    subnets: async (paging) => after(await network.subnets.list({ query: { ...query, ...paging } }), 'subnets'),
    securityGroups: async (paging) => after(await network.securityGroups.list({ query: { ...query, ...paging } }), 'security_groups'),
    ports: async (paging) => after(await network.ports.list({ query: { ...query, ...paging } }), 'ports'),
    routers: async (paging) => after(await network.routers.list({ query: { ...query, ...paging } }), 'routers'),
    floatingIps: async (paging) => after(await network.floatingIps.list({ query: { ...query, ...paging } }), 'floatingips'),
  };
  const all = (Object.keys(lists) as Collection[]).map(async (collection): Promise<[Collection, Remote[]]> => {
    if (!collections.includes(collection)) return [collection, []];
    return [collection, await paged(async (paging) => lists[collection](paging).then(({ items = [], more }) => ({ items: (items as Record<string, unknown>[]).map(remoteOf), more })))];
  });
  return Object.fromEntries(await Promise.all(all)) as Observed;
}

function after({ body }: { body: object }, name: string): { items: unknown[] | undefined; more: unknown } {
  const lists = body as Record<string, unknown[] | undefined>;
  return { items: lists[name], more: lists[`${name}_links`]?.some((link) => (link as { rel: string }).rel === 'next') };
}

function remoteOf(shown: Record<string, unknown>): Remote {
  return { ...shown, id: String(shown['id']), tag: typeof shown['description'] === 'string' ? shown['description'] : null, createdAt: String(shown['created_at'] ?? '') };
}

/** The fields in which what is differs from what is wanted; the order in lists says nothing. */
export function differing(is: Facts, wanted: Facts): string[] {
  return Object.keys(wanted).filter((field) => canonical(is[field]) !== canonical(wanted[field]));
}

export type Facts = Record<string, unknown>;

export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).toSorted().join()}]`;
  if (value !== null && typeof value === 'object') return `{${Object.entries(value).map(([key, inner]) => `${key}:${canonical(inner)}`).toSorted().join()}}`;
  return JSON.stringify(value) ?? 'absent';
}
