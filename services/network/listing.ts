/** Neutron's lists: exact filters, any of repeated values, pages by marker, chosen fields. */
import { badRequest } from '../../kit/fault.ts';
import type { Caller } from '../../kit/http/caller.ts';
import { Answer } from '../../kit/http/implement.ts';
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

/** What a filter's values ask of a row. */
export type Filter = (values: string[]) => Sql;

export type Listing = {
  /** The plural under which the list is answered: `security_groups`. */
  collection: string;
  table: Sql;
  filters: Record<string, Filter>;
  /** Names by which it can be sorted; all of them not null. */
  sorts: Record<string, Sql>;
  /** Where a marker that is not there is refused, and not taken for none: neutron_lib/db/utils.py, get_marker_obj, and neutron/objects/base.py, Pager. */
  withoutMarker?: (marker: string) => never;
  /** Attributes that only administrators are shown. */
  adminOnly?: readonly string[];
};

export type ListQuery = { limit?: number; marker?: string; page_reverse?: boolean; sort_key?: string[]; sort_dir?: ('asc' | 'desc')[]; fields?: string[]; [filter: string]: unknown };

/** The tail of a select, and what to make of its rows. */
export type Page = { tail: Sql; limit: number; reverse: boolean };

const longestPage = 1000;

export const byText = (column: Sql): Filter => (values) => sql`${column} = any(${values}::text[])`;
export const byTextOrNothing = (column: Sql): Filter => (values) => sql`coalesce(${column}, '') = any(${values}::text[])`;
export const byNumber = (column: Sql): Filter => (values) => sql`${column} = any(${values.filter((value) => /^-?\d{1,9}$/.test(value))}::int[])`;
export const byBoolean = (column: Sql): Filter => (values) => sql`${column} = any(${values.map(booleanOf)}::boolean[])`;

export function standardFilters(project: Sql = sql`r.project_id`): Record<string, Filter> {
  return {
    id: byText(sql`r.id`),
    project_id: byText(project),
    tenant_id: byText(project),
    description: byText(sql`r.description`),
    revision_number: byNumber(sql`r.revision_number`),
  };
}

/** neutron/db/standard_attr.py's tags: all of, any of, not all of, none of. */
export const tagFilters: Record<string, Filter> = {
  tags: (values) => sql`r.tags @> ${tagsOf(values)}::text[]`,
  'tags-any': (values) => sql`r.tags && ${tagsOf(values)}::text[]`,
  'not-tags': (values) => sql`not r.tags @> ${tagsOf(values)}::text[]`,
  'not-tags-any': (values) => sql`not r.tags && ${tagsOf(values)}::text[]`,
};

export const standardSorts: Record<string, Sql> = {
  id: sql`r.id`,
  project_id: sql`r.project_id`,
  tenant_id: sql`r.project_id`,
  created_at: sql`r.created_at`,
  updated_at: sql`r.updated_at`,
  revision_number: sql`r.revision_number`,
};

/** Conditions, order and limit as they were asked for, to go behind `from <table> r where`. */
export async function pageOf(tx: Transaction, listing: Listing, query: object, otherQuery: object, caller: Caller): Promise<Page> {
  const { limit = 0, marker, page_reverse: reverse = false, sort_key = [], sort_dir = [], fields: _fields, ...filters } = query as ListQuery;
  const unknown = Object.keys(otherQuery);
  if (unknown.length > 0) throw badRequest(`${pythonList(unknown)} is invalid attribute for filtering`, 'HTTPBadRequest');
  if (sort_dir.length > 0 && sort_dir.length !== sort_key.length) throw badRequest('The number of sort_keys and sort_dirs must be same', 'HTTPBadRequest');
  const order = sort_key.map((key, index) => ({ key, column: sortColumn(listing, key), down: (sort_dir[index] === 'desc') !== reverse }));
  if (!sort_key.includes('id')) order.push({ key: 'id', column: sql`r.id`, down: reverse });

  // By what is not shown one could be found out all the same: neutron/pecan_wsgi/controllers/utils.py leaves such a filter out.
  const secret = caller.isAdmin ? [] : (listing.adminOnly ?? []);
  const conditions = Object.entries(filters).filter(([name]) => !secret.includes(name)).map(([name, values]) => listing.filters[name]!(values as string[]));
  if (marker !== undefined && (await isThere(tx, listing, marker))) conditions.push(behind(listing, marker, order));
  const length = limit === 0 ? longestPage : Math.min(limit, longestPage);
  const directions = order.map(({ column, down }) => (down ? sql`${column} desc` : sql`${column}`));
  // One row more than asked tells whether there is a further page.
  return { tail: sql`${sql.and(conditions)} order by ${sql.join(directions)} limit ${length + 1}`, limit: length, reverse };
}

/** The answer for a page: the rows that were chosen, rendered, and links to the pages beside it. */
export function listAnswer<R extends { id: string }, T extends object>(
  request: { query: object; page(change: Record<string, string>): string },
  collection: string,
  page: Page,
  rows: R[],
  render: (row: R) => T,
): Answer<never> {
  const query = request.query as ListQuery;
  const more = rows.length > page.limit;
  const shown = rows.slice(0, page.limit);
  // Who asked for so many is told of further pages as neutron does it (neutron/api/api_common.py, get_pagination_links): a full page may be the last.
  const isLimited = (query.limit ?? 0) > 0;
  const isFull = isLimited && shown.length === page.limit;
  if (page.reverse) shown.reverse();
  const links: { rel: string; href: string }[] = [];
  const last = shown.at(-1);
  const first = shown[0];
  const at = (change: Record<string, string>) => request.page({ ...(page.limit === longestPage ? {} : { limit: String(page.limit) }), ...change });
  if (last && (page.reverse ? isLimited : more || isFull)) links.push({ rel: 'next', href: at({ marker: last.id, page_reverse: 'False' }) });
  if (first && (page.reverse ? more || isFull : isLimited || query.marker !== undefined)) links.push({ rel: 'previous', href: at({ marker: first.id, page_reverse: 'True' }) });
  // Behind a last page that was full: before it, and from the end.
  if (!first && isLimited && !page.reverse) links.push({ rel: 'previous', href: withoutMarker(at({ page_reverse: 'True' })) });
  const body: Record<string, unknown> = { [collection]: shown.map((row) => chosen(render(row), query.fields)) };
  if (links.length > 0) body[`${collection}_links`] = links;
  const next = links.find(({ rel }) => rel === 'next')?.href;
  return new Answer(body as never, { next });
}

function withoutMarker(address: string): string {
  const url = new URL(address);
  url.searchParams.delete('marker');
  return url.href;
}

/** Only the fields that were asked for; all of them when none was. */
export function chosen<T extends object>(shown: T, fields: string[] | undefined): Partial<T> {
  if (fields === undefined || fields.length === 0) return shown;
  return Object.fromEntries(Object.entries(shown).filter(([name]) => fields.includes(name))) as Partial<T>;
}

export function seconds(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/, 'Z');
}

export function pythonList(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(', ')}]`;
}

type Order = { key: string; column: Sql; down: boolean }[];

async function isThere(tx: Transaction, { table, withoutMarker: refuse }: Listing, marker: string): Promise<boolean> {
  const found = await tx.one`select id from ${table} where id = ${marker}`;
  if (!found) refuse?.(marker);
  return found !== undefined;
}

/** Rows after the marker's in this order: (a, b) > (x, y), with a direction for each. */
function behind(listing: Listing, marker: string, order: Order): Sql {
  const valueOf = ({ column }: Order[number]) => sql`(select ${column} from ${listing.table} r where r.id = ${marker})`;
  return sql.or(
    order.map((last, index) =>
      sql.and([
        ...order.slice(0, index).map((equal) => sql`${equal.column} = ${valueOf(equal)}`),
        last.down ? sql`${last.column} < ${valueOf(last)}` : sql`${last.column} > ${valueOf(last)}`,
      ]),
    ),
  );
}

function sortColumn(listing: Listing, key: string): Sql {
  const column = listing.sorts[key];
  if (!column) throw badRequest(`${pythonList([key])} is invalid attribute for sort keys`, 'HTTPBadRequest');
  return column;
}

export function booleanOf(value: string): boolean {
  if (/^(true|1|t|yes|on)$/i.test(value)) return true;
  if (/^(false|0|f|no|off)$/i.test(value)) return false;
  throw badRequest(`Invalid input for operation: '${value.slice(0, 60)}' cannot be converted to boolean.`, 'InvalidInput');
}

function tagsOf(values: string[]): string[] {
  return values.flatMap((value) => value.split(',')).filter((tag) => tag !== '');
}
