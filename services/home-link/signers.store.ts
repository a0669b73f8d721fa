/** The only file that names the table of who has signed requests here. */
import type { Transaction } from '../../kit/postgres/database.ts';

export type SignerName = { access: string; day: string; region: string };

/** Anybody may write a scope into a request: of one access key no more than these are kept. */
const mostOfOne = 8;

export async function findSigner(tx: Transaction, { access, day, region }: SignerName): Promise<string | undefined> {
  return (await tx.one<{ sealed: string }>`select sealed from home_link.signer where access = ${access} and day = ${day} and signed_region = ${region}`)?.sealed;
}

export async function keepSigner(tx: Transaction, { access, day, region }: SignerName, { sealed, until, now }: { sealed: string; until: Date; now: Date }): Promise<void> {
  await tx.run`
    insert into home_link.signer (access, day, signed_region, sealed, until, heard_at) values (${access}, ${day}, ${region}, ${sealed}, ${until}, ${now})
    on conflict (access, day, signed_region) do update set sealed = excluded.sealed, until = excluded.until, heard_at = excluded.heard_at`;
  await tx.run`delete from home_link.signer where until <= ${now}`;
  await tx.run`
    delete from home_link.signer where access = ${access}
      and (day, signed_region) in (select day, signed_region from home_link.signer where access = ${access} order by heard_at desc, day desc, signed_region offset ${mostOfOne})`;
}
