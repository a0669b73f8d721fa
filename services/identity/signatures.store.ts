/** The only file that names the tables of what was taken once and must not be taken again. */
import type { Transaction } from '../../kit/postgres/database.ts';

/** False: it was taken before. */
export async function takeSignature(tx: Transaction, digest: Buffer, until: Date): Promise<boolean> {
  return (await tx.run`insert into identity.used_signature (digest, until) values (${digest}, ${until}) on conflict do nothing`) === 1;
}

export async function takePasscode(tx: Transaction, credentialId: string, passcode: string, { now, until }: { now: Date; until: Date }): Promise<boolean> {
  return (
    (await tx.run`
      insert into identity.used_passcode as p (credential_id, passcode, until) values (${credentialId}, ${passcode}, ${until})
      on conflict (credential_id, passcode) do update set until = excluded.until where p.until <= ${now}`) === 1
  );
}

export async function forgetWhatWasTaken(tx: Transaction, now: Date): Promise<void> {
  await tx.run`delete from identity.used_signature where until <= ${now}`;
  await tx.run`delete from identity.used_passcode where until <= ${now}`;
}
