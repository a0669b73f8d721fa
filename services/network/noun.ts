/** Nouns that are no more than rows of their own: found, held and written in one way. */
import { forbidden, type Fault } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

type Owned = { id: string; project_id: string };

export type Noun<Row extends Owned> = {
  /** In events and rules: `address_scope`. */
  resource: string;
  table: Sql;
  /** What a row is read as. */
  columns: Sql;
  notThere: (id: string) => Fault;
  /** Who may only use it is told that there is none when he would change it: neutron judges these without looking whether they are shared. */
  changedBySeers?: false;
  /** Never set: keeps the row's type. */
  row?: Row;
};

type Values = Record<string, unknown>;

export function selectRows<Row extends Owned>(tx: Transaction, noun: Noun<Row>, tail: Sql): Promise<Row[]> {
  return tx.rows<Row>(sql`select ${noun.columns} from ${noun.table} r where ${tail}`);
}

export async function getRow<Row extends Owned>({ tx }: Pick<Context, 'tx'>, noun: Noun<Row>, id: string): Promise<Row> {
  const [row] = await selectRows(tx, noun, sql`r.id = ${id}`);
  if (row === undefined) throw noun.notThere(id);
  return row;
}

/** The row, held until the end of the transaction: whoever may only see it is refused. */
export async function lockedRow<Row extends Owned>(context: Context, noun: Noun<Row>, id: string, verb: 'update' | 'delete'): Promise<Row> {
  const held = await context.tx.one(sql`select id from ${noun.table} where id = ${id} for update`);
  const row = await getRow(context, noun, id);
  if (!held && noun.changedBySeers === false) throw noun.notThere(id);
  if (!held) throw forbidden(`rule:${verb}_${noun.resource} is disallowed by policy`, 'PolicyNotAuthorized');
  return row;
}

export async function insertRow<Row extends Owned>(tx: Transaction, noun: Noun<Row>, values: Values): Promise<void> {
  await tx.run(sql`insert into ${noun.table} (${sql.join(Object.keys(values).map(sql.ident))}) values (${sql.join(Object.values(values))})`);
}

/** What is undefined stays as it is. */
export async function updateRow<Row extends Owned>(tx: Transaction, noun: Noun<Row>, id: string, values: Values): Promise<void> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  if (given.length === 0) return;
  await tx.run(sql`update ${noun.table} set ${sql.join(given.map(([name, value]) => sql`${sql.ident(name)} = ${value}`))} where id = ${id}`);
}

export async function deleteRow<Row extends Owned>(tx: Transaction, noun: Noun<Row>, id: string): Promise<void> {
  await tx.run(sql`delete from ${noun.table} where id = ${id}`);
}
