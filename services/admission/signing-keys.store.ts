import type { Transaction } from '../../kit/postgres/database.ts';

/** Without its private part it signs nothing any more. */
export type SigningKeyRow = { id: string; sealed: Buffer | null; publicKey: string; madeAt: Date };

/** The newest first. */
export function listSigningKeys(tx: Transaction): Promise<SigningKeyRow[]> {
  return tx.rows<SigningKeyRow>`select id, sealed, public_key as "publicKey", made_at as "madeAt" from admission.signing_key order by made_at desc, id`;
}

export async function insertSigningKey(tx: Transaction, { id, sealed, publicKey, madeAt }: SigningKeyRow): Promise<void> {
  await tx.run`insert into admission.signing_key (id, sealed, public_key, made_at) values (${id}, ${sealed}, ${publicKey}, ${madeAt})`;
}

export async function setSealed(tx: Transaction, id: string, sealed: Buffer): Promise<void> {
  await tx.run`update admission.signing_key set sealed = ${sealed} where id = ${id}`;
}

export async function forgetPrivateParts(tx: Transaction, { except }: { except: string }): Promise<void> {
  await tx.run`update admission.signing_key set sealed = null where id <> ${except} and sealed is not null`;
}

/** Whoever makes a key waits for the others. */
export async function lockSigningKeys(tx: Transaction): Promise<void> {
  await tx.run`select pg_advisory_xact_lock(hashtext('admission.signing_key'))`;
}
