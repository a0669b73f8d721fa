import { sql, type Transaction } from '../../kit/postgres/database.ts';

export async function listLabels(tx: Transaction): Promise<Map<string, Record<string, string>>> {
  const rows = await tx.rows<{ region: string; labels: Record<string, string> }>`select region, labels from broker.label order by region`;
  return new Map(rows.map(({ region, labels }) => [region, labels]));
}

export async function setLabels(tx: Transaction, region: string, labels: Record<string, string>, now: Date): Promise<void> {
  await tx.run`
    insert into broker.label (region, labels, updated_at) values (${region}, ${sql.json(labels)}::jsonb, ${now})
    on conflict (region) do update set labels = excluded.labels, updated_at = excluded.updated_at`;
}
