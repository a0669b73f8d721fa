/** Cinder's lists: filters, one order, and pages. cinder/api/common.py, cinder/db/sqlalchemy/api.py */
import { badRequest, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Sql } from '../../kit/postgres/database.ts';

export const mostPerPage = 1000;

export type ListQuery = {
  limit: number;
  offset: number;
  marker?: string | undefined;
  sort: string;
  everyProject: boolean;
  filters: Record<string, string>;
  nameLike?: string | undefined;
  metadata?: Record<string, string> | undefined;
  /** Also how many there are on all pages together. */
  withCount: boolean;
};

type Columns = {
  sortable: Record<string, Sql>;
  filterable: Record<string, Sql>;
  columns: { name: Sql; metadata: Sql; project: Sql };
  table: Sql;
  id: Sql;
  noun: string;
  /** Everybody's alike. */
  ofNoProject?: true;
};

export async function readFilters({ tx, caller }: Context, query: ListQuery, { sortable, filterable, columns, table, id, noun, ofNoProject }: Columns): Promise<{ conditions: Sql[]; order: Sql; beyond: Sql[] }> {
  const everyone = ofNoProject === true || (query.everyProject && caller.isAdmin);
  const conditions = [everyone ? sql`true` : sql`${columns.project} = ${caller.projectId ?? ''}`];
  for (const [name, wanted] of Object.entries(query.filters)) {
    const column = filterable[name];
    // Only an administrator who asks for all projects may pick one.
    if (column && (name !== 'project_id' || everyone)) conditions.push(sql`${column} = ${wanted}`);
  }
  if (query.nameLike !== undefined) conditions.push(sql`strpos(${columns.name}, ${query.nameLike}) > 0`);
  if (query.metadata !== undefined) conditions.push(sql`${columns.metadata} @> ${sql.json(query.metadata)}::jsonb`);

  const sorting = readSort(query.sort, sortable);
  const order = sql.join(sorting.map(({ column, direction }) => sql`${column} ${sql.raw(direction)}`));
  if (query.marker === undefined) return { conditions, order, beyond: [] };
  const { marker } = query;
  if ((await tx.rows(sql`select from ${table} where ${id} = ${marker}`)).length === 0) throw notFound(`${noun} ${marker} could not be found.`);
  const ofMarker = (column: Sql) => sql`(select ${column} from ${table} where ${id} = ${marker})`;
  const beyond = sql.or(
    sorting.map(({ column, direction }, index) =>
      sql.and([...sorting.slice(0, index).map((before) => sql`${before.column} = ${ofMarker(before.column)}`), sql`${column} ${sql.raw(direction === 'asc' ? '>' : '<')} ${ofMarker(column)}`]),
    ),
  );
  return { conditions, order, beyond: [beyond] };
}

function readSort(sort: string, sortable: Record<string, Sql>): { column: Sql; direction: 'asc' | 'desc' }[] {
  const wishes = sort.split(',').map((part) => {
    const [key = '', direction = 'desc'] = part.trim().split(':');
    const column = sortable[key];
    if (!column) throw badRequest(`Invalid input received: Invalid sort key: ${key}`);
    if (direction !== 'asc' && direction !== 'desc') throw badRequest(`Invalid input received: Unknown sort direction, must be one of: asc, desc`);
    return { key, column, direction } as const;
  });
  const direction = wishes[0]?.direction ?? 'desc';
  const ties = (['created_at', 'id'] as const).filter((key) => !wishes.some((wish) => wish.key === key)).map((key) => ({ column: sortable[key]!, direction }));
  return [...wishes, ...ties];
}

/** Cinder's way to send a dict in a query: `{'a': 'b'}`. */
export function readMetadata(text: string | undefined): Record<string, string> | undefined {
  if (text === undefined) return undefined;
  const found: Record<string, string> = {};
  for (const [, key = '', value = ''] of text.matchAll(/u?["']([^"']*)["']\s*:\s*u?["']([^"']*)["']/g)) Object.assign(found, { [key]: value });
  return found;
}

/** From the query's text. */
export function readPage(query: Readonly<Record<string, unknown>>, filterNames: readonly string[]): ListQuery {
  const text = (name: string) => (query[name] === undefined ? undefined : String(query[name]));
  const whole = (name: string, fallback: number) => {
    const given = text(name);
    if (given === undefined) return fallback;
    if (!/^\d{1,9}$/.test(given)) throw badRequest(`Invalid input received: ${name} param must be an integer`);
    return Number(given);
  };
  if (text('sort') !== undefined && (text('sort_key') ?? text('sort_dir')) !== undefined) throw badRequest("The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter.");
  const all = text('all_tenants');
  return {
    limit: Math.min(whole('limit', mostPerPage), mostPerPage),
    offset: whole('offset', 0),
    marker: text('marker'),
    sort: text('sort') ?? `${text('sort_key') ?? 'created_at'}:${text('sort_dir') ?? 'desc'}`,
    everyProject: all !== undefined && ['1', 'true', 't', 'yes', 'y', 'on'].includes(all.toLowerCase()),
    filters: Object.fromEntries(filterNames.flatMap((name) => (query[name] === undefined ? [] : [[name, String(query[name])]]))),
    nameLike: text('name~'),
    metadata: readMetadata(text('metadata')),
    withCount: ['1', 'true', 't', 'yes', 'y', 'on'].includes((text('with_count') ?? '').toLowerCase()),
  };
}

/** As Cinder: behind a full page there may be another one, which may be empty. cinder/api/common.py, _get_collection_links */
export function cut<T extends { id: string }>(found: readonly T[], limit: number, page: (change: Record<string, string>) => string): { page: readonly T[]; next: string | undefined } {
  const last = found.at(-1);
  return { page: found, next: found.length >= limit && last ? page({ marker: last.id }) : undefined };
}

/** As people write several in one text. */
export function idsIn(text: string | null | undefined): string[] {
  return (text ?? '').split(',').map((each) => each.trim()).filter(Boolean);
}
