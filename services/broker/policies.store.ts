import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Decision } from './decisions.store.ts';

export type KeptPolicy = Decision['policy'];

export async function findPolicy(tx: Transaction, projectId: string): Promise<KeptPolicy | undefined> {
  return tx.one<KeptPolicy>`select limits, preferences from broker.policy where project_id = ${projectId}`;
}

export async function setPolicy(tx: Transaction, projectId: string, { limits, preferences }: KeptPolicy, now: Date): Promise<void> {
  await tx.run`
    insert into broker.policy (project_id, limits, preferences, updated_at) values (${projectId}, ${sql.json(limits)}::jsonb, ${sql.json(preferences)}::jsonb, ${now})
    on conflict (project_id) do update set limits = excluded.limits, preferences = excluded.preferences, updated_at = excluded.updated_at`;
}

export function deletePolicy(tx: Transaction, projectId: string): Promise<number> {
  return tx.run`delete from broker.policy where project_id = ${projectId}`;
}
