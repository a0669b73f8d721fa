import type { Transaction } from '../../kit/postgres/database.ts';

export type AgentNote = { id: string; description: string; deleted_at: Date | null };

export function selectAgentNotes(tx: Transaction): Promise<AgentNote[]> {
  return tx.rows<AgentNote>`select id, description, deleted_at from network.agent`;
}

export async function putAgentNote(tx: Transaction, { id, description, deleted_at }: AgentNote): Promise<void> {
  await tx.run`
    insert into network.agent (id, description, deleted_at) values (${id}, ${description}, ${deleted_at})
    on conflict (id) do update set description = excluded.description, deleted_at = excluded.deleted_at`;
}
