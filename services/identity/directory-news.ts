/** What is new about tokens, for the regions that verify them without asking. */
import type { Transaction } from '../../kit/postgres/database.ts';

export { listAllAccessRules } from './access-rules.store.ts';
export { countRoleChanges, listRoleNumbers } from './directory.store.ts';

export type DatedRevocation = { id: number; subject: string; at: Date };

/** In the order of the commits. */
export function revocationsSince(tx: Transaction, after: number, most: number): Promise<DatedRevocation[]> {
  return tx.rows<DatedRevocation>`select id::float8 as id, subject, at from identity.revocation where id > ${after} order by id limit ${most}`;
}
