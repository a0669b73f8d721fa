/** Lists as keystone writes them, in the order of ids. */
import { sql, type Sql } from '../../kit/postgres/database.ts';

/** More would be a reply of many megabytes; keystone calls it list_limit and says `truncated`. */
const mostItems = 10_000;

export type PageQuery = { limit?: number; marker?: string };

type NameFilters = Partial<Record<'name' | `name__${'contains' | 'icontains' | 'startswith' | 'istartswith' | 'endswith' | 'iendswith'}`, string>>;

/** How many rows to ask for: one more than are shown tells whether there are more. */
export function rowsFor({ limit }: PageQuery): number {
  return Math.min(limit ?? mostItems, mostItems) + 1;
}

/** What was found, and how much of it its domain shows at once. */
export type Listed<R> = { rows: readonly R[]; listLimit?: number };

export function pageOf<R extends { id: string }>(request: { query: PageQuery; page(change: Record<string, string>): string }, rows: readonly R[], listLimit = mostItems) {
  const most = Math.min(rowsFor(request.query) - 1, listLimit);
  const items = rows.slice(0, most);
  const more = rows.length > most;
  const links = {
    self: selfOf(request),
    previous: null,
    next: more ? request.page({ limit: String(most), marker: items.at(-1)!.id }) : null,
  };
  return { items, rest: { links, ...(more ? { truncated: true } : {}) } };
}

/** For lists that are always whole. */
export function wholeList(request: { page(change: Record<string, string>): string }) {
  return { links: { self: selfOf(request), previous: null, next: null } };
}

export function selfOf(request: { page(change: Record<string, string>): string }): string {
  return request.page({}).replace(/\?$/, '');
}

/** `sql` for the filters that keystone has on names. */
export function nameConditions(filters: NameFilters): Sql[] {
  const like = (pattern: string, sensitive: boolean) => (sensitive ? sql`name like ${pattern}` : sql`name ilike ${pattern}`);
  const conditions: Sql[] = [];
  if (filters.name !== undefined) conditions.push(sql`name = ${filters.name}`);
  for (const [comparator, before, after] of [
    ['contains', '%', '%'],
    ['startswith', '', '%'],
    ['endswith', '%', ''],
  ] as const) {
    const [exact, folded] = [filters[`name__${comparator}`], filters[`name__i${comparator}` as keyof NameFilters]];
    if (exact !== undefined) conditions.push(like(before + escaped(exact) + after, true));
    if (folded !== undefined) conditions.push(like(before + escaped(folded) + after, false));
  }
  return conditions;
}

export function pageConditions({ marker }: PageQuery): Sql[] {
  return marker === undefined ? [] : [sql`id > ${marker}`];
}

function escaped(text: string): string {
  return text.replaceAll(/[\\%_]/g, '\\$&');
}

/** keystone/server/flask/common.py, query_filter_is_true: there, and not "0". */
export function isAsked(value: string | undefined): boolean {
  return value !== undefined && value !== '0' && value.toLowerCase() !== 'false';
}
