import type { Transaction } from '../../kit/postgres/database.ts';

export function listTold(tx: Transaction): Promise<{ agreementId: string; last: number }[]> {
  return tx.rows`select agreement_id as "agreementId", last::int as last from meter.counterparts_told`;
}

export async function saveTold(tx: Transaction, agreementId: string, last: number): Promise<void> {
  await tx.run`
    insert into meter.counterparts_told (agreement_id, last) values (${agreementId}, ${last})
    on conflict (agreement_id) do update set last = greatest(counterparts_told.last, excluded.last)`;
}
