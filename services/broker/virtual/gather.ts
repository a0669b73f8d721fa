/**
 * One list of what is in all regions. When all of it fits on one page it is in the order that was asked for; when it does
 * not, the pages go from region to region in the order of their names, so that nothing is shown twice or left out.
 */
import { Answer } from '../../../kit/http/implement.ts';
import type { Call } from '../../../kit/http/implement.ts';
import type { Region } from '../regions.ts';
import { copiedIds } from './copies.ts';
import { everywhere, regionNamed, whereIs, type Errand } from './errand.ts';
import { asAnswer, type Asked, type Reply } from './relay.ts';
import { here } from './virtual.ts';

type Gathering = { errand: Errand; asked: Asked; request: Call & { base: string; page(change: Record<string, string>): string } };
type Item = Record<string, unknown>;

/** nova/conf/api.py, max_limit; glance and cinder have the same. */
const mostItems = 1000;

export async function gather({ errand, asked, request }: Gathering, collection: string): Promise<Answer<unknown>> {
  const { marker, ...query } = asked.query ?? {};
  const limit = Math.min(Number(last(query['limit'])) || mostItems, mostItems);
  const from = marker === undefined ? undefined : await whereIs(errand, asked.service, collection, String(last(marker)));
  const regions = from ? errand.regions.slice(errand.regions.indexOf(regionNamed(errand, from.name)!)) : errand.regions;
  const ask = (region: Region) => errand.relay(region, { ...asked, query: { ...query, ...(marker !== undefined && region.name === from?.name ? { marker } : {}) } });
  const { answered, silent } = await everywhere(regions, ask);
  // A wrong question is wrong everywhere: one answer will do.
  const refusal = answered.find(({ reply }) => reply.status >= 300);
  if (refusal || answered.length === 0) return refusal ? asAnswer(refusal.reply) : nobodyAnswered(silent);

  const { toSources, copies } = await copiedIds(errand);
  const isCopy = new Set(copies.filter(({ collection: kind, copyId, sourceId }) => kind === collection && copyId !== sourceId).map(({ region, copyId }) => `${region} ${copyId}`));
  const field = listField(answered.map(({ reply }) => reply));
  const isTwin = twinsIn(errand, collection, answered.map(({ region, reply }) => ({ region, items: (reply.body as Record<string, Item[]>)[field]! })));
  const lists = answered.map(({ region, reply }) => {
    const items = (reply.body as Record<string, Item[]>)[field]!.filter((item) => !isCopy.has(`${region.name} ${String(item['id'])}`) && !isTwin.has(item));
    return { items: items.map((item) => here(item, region, request.base, toSources) as Item), more: hasMore(reply, field) };
  });
  const all = lists.flatMap(({ items }) => items);
  const whole = !lists.some(({ more }) => more) && all.length <= limit;
  const shown = whole && marker === undefined ? sorted(all, query) : page(lists, limit);
  const next = whole ? undefined : request.page({ marker: String(shown.at(-1)?.['id'] ?? ''), limit: String(limit) });
  const body = { ...(answered[0]!.reply.body as object), [field]: shown };
  delete (body as Record<string, unknown>)[`${field}_links`];
  delete (body as Record<string, unknown>)['next'];
  const links = next === undefined ? {} : asked.service.type === 'image' ? { next: next.slice(request.base.length) } : { [`${field}_links`]: [{ rel: 'next', href: next }] };
  return new Answer({ ...body, ...links }, { next, headers: silent.length === 0 ? {} : { 'x-intercloud-unreachable': silent.join(', ') } });
}

/** What everybody has in every region is one thing to a client: shown as home has it, or else as the first region has it that does. */
function twinsIn(errand: Errand, collection: string, lists: readonly { region: Region; items: Item[] }[]): Set<Item> {
  const [seen, twins] = [new Map<string, Region>(), new Set<Item>()];
  const homeFirst = lists.toSorted((one, other) => Number(other.region.name === errand.anchor.name) - Number(one.region.name === errand.anchor.name));
  for (const { region, items } of homeFirst)
    for (const item of items) {
      const key = sameEverywhere(errand, collection, item);
      if (key === undefined) continue;
      const first = seen.get(key) ?? region;
      seen.set(key, first);
      if (first !== region) twins.add(item);
    }
  return twins;
}

/** By what it is known again: an image of everybody's by its bytes, the way out of a region by its name. */
function sameEverywhere({ projectId }: Errand, collection: string, item: Item): string | undefined {
  const { name, visibility, os_hash_value: hash } = item;
  if (collection === 'images' && visibility === 'public' && typeof hash === 'string' && hash !== '') return `${hash} ${String(name)}`;
  if (collection === 'networks' && item['router:external'] === true && item['project_id'] !== projectId) return String(name);
  return undefined;
}

/** Region after region, as far as the page goes; a region of which there is more is the last one. */
function page(lists: readonly { items: Item[]; more: boolean }[], limit: number): Item[] {
  const shown: Item[] = [];
  for (const { items, more } of lists) {
    shown.push(...items.slice(0, limit - shown.length));
    if (more || shown.length === limit) break;
  }
  return shown;
}

function sorted(items: Item[], query: Record<string, string | string[]>): Item[] {
  const asked = last(query['sort_key']) ?? last(query['sort'])?.split(',')[0];
  const [key = 'created_at', given] = (asked ?? 'created_at').split(':');
  const direction = last(query['sort_dir']) ?? given ?? (asked === undefined ? 'desc' : 'asc');
  if (!items.every((item) => key in item)) return items;
  const sign = direction === 'asc' ? 1 : -1;
  return items.toSorted((one, other) => sign * compare(one[key], other[key]));
}

function compare(one: unknown, other: unknown): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  const [first, second] = [String(one ?? ''), String(other ?? '')];
  return first < second ? -1 : first > second ? 1 : 0;
}

function listField(replies: readonly Reply[]): string {
  const body = replies[0]!.body as Record<string, unknown>;
  const found = Object.entries(body).find(([name, value]) => Array.isArray(value) && !name.endsWith('_links'));
  if (!found) throw new Error(`a list without a list: ${Object.keys(body).join(', ')}`);
  return found[0];
}

function hasMore({ body }: Reply, field: string): boolean {
  const { next, [`${field}_links`]: links } = body as Record<string, unknown>;
  return next !== undefined || (Array.isArray(links) && links.length > 0);
}

function nobodyAnswered(silent: readonly string[]): Answer<unknown> {
  return new Answer({ message: `No region can be reached (${silent.join(', ')}).` }, { status: 503, headers: { 'retry-after': '5' } });
}

function last(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.at(-1) : value;
}
