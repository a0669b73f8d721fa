/** The only file that names the table of credentials. Their secrets are sealed: `vault.ts` opens them. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Sealed } from './vault.ts';

/** What it was made with, when that had been handed on. */
export type Origin = { trustId: string | null; applicationCredentialId: string | null; accessTokenId: string | null };

export type StoredCredential = Origin & { id: string; userId: string; projectId: string | null; type: string; sealed: Buffer; extra: Record<string, unknown> };

const columns = sql`id, user_id as "userId", project_id as "projectId", type, sealed, trust_id as "trustId",
  application_credential_id as "applicationCredentialId", access_token_id as "accessTokenId", extra`;

export function findCredential(tx: Transaction, id: string): Promise<StoredCredential | undefined> {
  return tx.one<StoredCredential>`select ${columns} from identity.credential where id = ${id}`;
}

export function lockCredential(tx: Transaction, id: string): Promise<StoredCredential | undefined> {
  return tx.one<StoredCredential>`select ${columns} from identity.credential where id = ${id} for update`;
}

export function listCredentials(tx: Transaction, conditions: readonly Sql[], most: number): Promise<StoredCredential[]> {
  return tx.rows<StoredCredential>`select ${columns} from identity.credential where ${sql.and(conditions)} order by id limit ${most}`;
}

export function listSealedOfUser(tx: Transaction, userId: string, type: string): Promise<StoredCredential[]> {
  return tx.rows<StoredCredential>`select ${columns} from identity.credential where user_id = ${userId} and type = ${type} order by id`;
}

export async function insertCredential(tx: Transaction, credential: Omit<StoredCredential, 'sealed'>, { sealed, sealingKeyId }: Sealed): Promise<void> {
  const { id, userId, projectId, type, trustId, applicationCredentialId, accessTokenId, extra } = credential;
  await tx.run`
    insert into identity.credential (id, user_id, project_id, type, sealed, sealing_key_id, trust_id, application_credential_id, access_token_id, extra)
    values (${id}, ${userId}, ${projectId}, ${type}, ${sealed}, ${sealingKeyId}, ${trustId}, ${applicationCredentialId}, ${accessTokenId}, ${sql.json(extra)})`;
}

export async function updateCredential(tx: Transaction, { id, userId, projectId, type, extra }: Omit<StoredCredential, 'sealed'>, { sealed, sealingKeyId }: Sealed): Promise<void> {
  await tx.run`
    update identity.credential
    set user_id = ${userId}, project_id = ${projectId}, type = ${type}, extra = ${sql.json(extra)}, sealed = ${sealed}, sealing_key_id = ${sealingKeyId}
    where id = ${id}`;
}

export async function deleteCredential(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.run`delete from identity.credential where id = ${id}`) === 1;
}
