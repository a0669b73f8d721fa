import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Kind = 'resource_class' | 'trait';

const tableOf: Record<Kind, Sql> = { resource_class: sql`placement.resource_class`, trait: sql`placement.trait` };

/** Those that are not standard, in the order of their making. */
export async function selectNames(tx: Transaction, kind: Kind): Promise<string[]> {
  return (await tx.rows<{ name: string }>`select name from ${tableOf[kind]} order by created_at, name`).map(({ name }) => name);
}

/** Whether it was not there yet. */
export async function insertName(tx: Transaction, kind: Kind, name: string, now: Date): Promise<boolean> {
  return (await tx.run`insert into ${tableOf[kind]} (name, created_at) values (${name}, ${now}) on conflict do nothing`) === 1;
}

export async function updateName(tx: Transaction, kind: Kind, name: string, newName: string): Promise<void> {
  await tx.run`update ${tableOf[kind]} set name = ${newName} where name = ${name}`;
}

export async function deleteName(tx: Transaction, kind: Kind, name: string): Promise<void> {
  await tx.run`delete from ${tableOf[kind]} where name = ${name}`;
}

export async function renameInventories(tx: Transaction, name: string, newName: string): Promise<void> {
  await tx.run`select placement.note_change(provider_id) from placement.inventory where resource_class = ${name}`;
  await tx.run`update placement.inventory set resource_class = ${newName} where resource_class = ${name}`;
  await tx.run`update placement.allocation set resource_class = ${newName} where resource_class = ${name}`;
}

export async function isUsed(tx: Transaction, kind: Kind, name: string): Promise<boolean> {
  const used = kind === 'trait' ? await tx.one`select trait from placement.provider_trait where trait = ${name} limit 1` : await tx.one`select resource_class from placement.inventory where resource_class = ${name} limit 1`;
  return used !== undefined;
}

export async function selectUsedTraits(tx: Transaction): Promise<Set<string>> {
  return new Set((await tx.rows<{ trait: string }>(sql`select distinct trait from placement.provider_trait`)).map(({ trait }) => trait));
}
