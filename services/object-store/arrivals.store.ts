import type { Transaction } from '../../kit/postgres/database.ts';

/** Once more: bytes still come. */
export function noteArrival(tx: Transaction, file: string, now: Date): Promise<number> {
  return tx.run`insert into object_store.arrival (file, seen_at) values (${file}, ${now}) on conflict (file) do update set seen_at = excluded.seen_at`;
}

export function isArriving(tx: Transaction, file: string): Promise<boolean> {
  return tx.rows`select from object_store.arrival where file = ${file}`.then(({ length }) => length > 0);
}

export function deleteArrival(tx: Transaction, file: string): Promise<number> {
  return tx.run`delete from object_store.arrival where file = ${file}`;
}

export function selectArrivalsBefore(tx: Transaction, moment: Date): Promise<string[]> {
  return tx.rows<{ file: string }>`select file from object_store.arrival where seen_at < ${moment} order by seen_at`.then((rows) => rows.map(({ file }) => file));
}
