/** Arrays in one text each, for statements about thousands of rows: made and taken apart quicker than what the client makes of an array of so many values. */
import { sql, type Sql } from './sql.ts';

/** `text[]`; null stays null. */
export function texts(list: readonly (string | null)[]): Sql {
  const joined = list.map((text) => text ?? '').join('\n');
  // What cannot be told apart in one text goes the long way; of an empty one PostgreSQL makes nothing, and not one null.
  if (joined === '' || list.some((text) => text !== null && (text === '' || text.includes('\n')))) return sql`${list}::text[]`;
  return sql`string_to_array(${joined}, e'\\n', '')`;
}

/** To be cast: `${numbers(ids)}::int[]`. Moments are numbers too, as seconds of `to_timestamp`: as text they cost more than all else that is done about a row. */
export function numbers(list: readonly (number | null)[]): string {
  return `{${list.map((number) => number ?? 'null').join(',')}}`;
}
