/** Lists by name: pages of a table that has an index ending in the name, however much is in it. */
import { sql, type Sql } from '../../kit/postgres/database.ts';

/** Which names; the bounds are outside of it. */
export type NameRange = {
  prefix?: string | undefined;
  after?: string | undefined;
  before?: string | undefined;
  /** Names that have it behind the prefix are told as one `subdir`, up to it. */
  delimiter?: string | undefined;
  /** Instead: names that have it behind the prefix are left out, but for those that end with it. */
  flat?: boolean | undefined;
  /** From the greatest name on; `after` is then above and `before` below. */
  reverse?: boolean | undefined;
  limit: number;
};

/** A statement that selects `subdir`, and the columns where that is null. `from` is a table `c` and a condition. */
export function listing(range: NameRange, { from, columns }: { from: Sql; columns: Sql }): Sql {
  const { prefix = '', delimiter = '', reverse = false, limit } = range;
  const order = reverse ? sql`desc` : sql`asc`;
  const within = sql`from ${from} ${boundsOf(range)}`;
  if (delimiter === '') return sql`select null::text as subdir, ${columns} ${within} order by c.name ${order} limit ${limit}`;

  // Each step is one probe of the index: what lies in a subdir is never read.
  const start = [...prefix].length;
  const tail = sql`position(${delimiter} in substr(c.name, ${start + 1}::int))`;
  const step = sql`select c.name as at, case when ${tail} > 0 then substr(c.name, 1, ${start + [...delimiter].length - 1}::int + ${tail}) end as up_to, ${columns} ${within}`;
  const further = reverse ? sql`c.name < coalesce(walk.up_to, walk.at)` : sql`c.name >= case when walk.up_to is null then walk.at || chr(1) else left(walk.up_to, -1) || ${afterDelimiter(delimiter)} end`;
  const low = (reverse ? range.before : range.after) ?? '';
  // A list that goes on behind a subdir does not tell of it again.
  const shown = range.flat === true ? sql`step.at <> ${prefix} and (step.up_to is null or step.up_to = step.at)` : sql`step.up_to is null or step.up_to <> ${low}`;
  return sql`
    with recursive walk as (
      select 1 as place, (${shown}) as is_shown, (${shown})::int as count, step.* from (${step} order by c.name ${order} limit 1) step
      union all
      select walk.place + 1, (${shown}), walk.count + (${shown})::int, step.*
      from walk, lateral (${step} and ${further} order by c.name ${order} limit 1) step where walk.count < ${limit}
    )
    select ${range.flat === true ? sql`null::text` : sql`walk.up_to`} as subdir, walk.* from walk where is_shown order by place`;
}

function boundsOf({ prefix = '', after = '', before = '', reverse = false }: NameRange): Sql {
  const [low, high] = reverse ? [before, after] : [after, before];
  const end = successorOf(prefix);
  return sql.join(
    [
      ...(low === '' ? [] : [sql`and c.name > ${low}`]),
      ...(prefix === '' ? [] : [sql`and c.name >= ${prefix}`]),
      ...(high === '' ? [] : [sql`and c.name < ${high}`]),
      ...(end === undefined ? [] : [sql`and c.name < ${end}`]),
    ],
    ' ',
  );
}

/** The least text that is greater than all that begin with this one; undefined: there is none. */
export function successorOf(prefix: string): string | undefined {
  const letters = [...prefix];
  for (let last = letters.pop(); last !== undefined; last = letters.pop()) {
    const code = last.codePointAt(0)!;
    if (code < 0x10ffff) return letters.join('') + String.fromCodePoint(code === 0xd7ff ? 0xe000 : code + 1);
  }
  return undefined;
}

function afterDelimiter(delimiter: string): string {
  const last = [...delimiter].at(-1)!;
  return successorOf(last) ?? last;
}
