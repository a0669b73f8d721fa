/**
 * SQL in sight: sql`select … where id = ${id} and ${condition}`. Values become parameters, fragments are
 * spliced in, and nothing that a user wrote ever becomes text.
 */

export type Sql = { readonly strings: readonly string[]; readonly values: readonly unknown[]; readonly [fragment]: true };

export type Statement = { text: string; values: unknown[] };

const fragment = Symbol('sql fragment');

export function sql(strings: TemplateStringsArray, ...values: unknown[]): Sql {
  return { strings, values, [fragment]: true };
}

/** A name, quoted: sql.ident('compute.server') is "compute"."server". */
sql.ident = (name: string): Sql => sql.raw(name.split('.').map((part) => `"${part.replaceAll('"', '""')}"`).join('.'));

/** Text as it is. Only ever for constants of ours. */
sql.raw = (text: string): Sql => ({ strings: [text], values: [], [fragment]: true });

sql.join = (list: readonly unknown[], separator = ', '): Sql => ({
  strings: ['', ...list.slice(1).map(() => separator), ''].slice(0, list.length + 1),
  values: list,
  [fragment]: true,
});

/** All of these; true when there are none. */
sql.and = (conditions: readonly Sql[]): Sql => bracketed(conditions, ' and ', 'true');

/** Any of these; false when there are none. */
sql.or = (conditions: readonly Sql[]): Sql => bracketed(conditions, ' or ', 'false');

/**
 * Any of these, `= ${sql.anyOf(ids)}`, by one plan for however many. Of a bare array PostgreSQL knows the length, which makes a plan
 * for just these look better than the one that it keeps: to make one each time costs more than to find a few rows.
 */
sql.anyOf = (texts: readonly string[]): Sql => sql`any(array(select unnest(${[...texts]}::text[])))`;

/** A value for a json or jsonb column: without it, an array would be sent as one of PostgreSQL's. */
sql.json = (value: unknown): string => JSON.stringify(value);

sql.empty = sql.raw('');

export function isSql(value: unknown): value is Sql {
  return typeof value === 'object' && value !== null && fragment in value;
}

export function compile(root: Sql): Statement {
  const flat = texts.get(root.strings);
  if (flat !== undefined && !root.values.some(isSql)) return { text: flat, values: [...root.values] };

  const values: unknown[] = [];
  let text = '';
  let nested = false;
  const write = (part: Sql) => {
    part.strings.forEach((string, index) => {
      text += string;
      if (index >= part.values.length) return;
      const value = part.values[index];
      if (isSql(value)) {
        nested = true;
        write(value);
      } else text += `$${values.push(value)}`;
    });
  };
  write(root);
  if (!nested) texts.set(root.strings, text);
  return { text, values };
}

// A template without fragments has the same text every time: its array of strings is the key.
const texts = new WeakMap<readonly string[], string>();

function bracketed(conditions: readonly Sql[], separator: string, none: string): Sql {
  if (conditions.length === 0) return sql.raw(none);
  return sql`(${sql.join(conditions, separator)})`;
}
