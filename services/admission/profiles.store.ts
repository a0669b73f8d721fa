import type { Static } from 'typebox';
import type { Differences as Compared } from '../../contract/intercloud/region.ts';
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Signed } from '../../kit/signed.ts';

export type Differences = Static<typeof Compared>;

export type Capability = { name: string; state: 'proved' | 'quarantined' | 'untried'; since: Date; detail: string | null; milliseconds: number | null };
export type KeptProfile = { region: string; probes: number; failed: number; dueAt: Date; signed: Signed | null; differences: Differences | null };

const profileColumns = sql`region, probes, failed, due_at as "dueAt", signed, differences`;

export function listProfiles(tx: Transaction): Promise<KeptProfile[]> {
  return tx.rows<KeptProfile>(sql`select ${profileColumns} from admission.profile order by region`);
}

export function findProfile(tx: Transaction, region: string): Promise<KeptProfile | undefined> {
  return tx.one<KeptProfile>(sql`select ${profileColumns} from admission.profile where region = ${region}`);
}

/** Whoever else has something to say of it waits: what is signed has all that was said before. */
export function lockProfile(tx: Transaction, region: string): Promise<KeptProfile | undefined> {
  return tx.one<KeptProfile>(sql`select ${profileColumns} from admission.profile where region = ${region} for update`);
}

export async function ensureProfile(tx: Transaction, region: string, dueAt: Date): Promise<void> {
  await tx.run`insert into admission.profile (region, due_at) values (${region}, ${dueAt}) on conflict do nothing`;
}

export async function setDue(tx: Transaction, region: string, dueAt: Date): Promise<void> {
  await tx.run`update admission.profile set due_at = ${dueAt} where region = ${region}`;
}

/** Nobody else gets them before then. */
export async function takeDue(tx: Transaction, now: Date, until: Date): Promise<string[]> {
  const taken = await tx.rows<{ region: string }>`update admission.profile set taken_until = ${until} where due_at <= ${now} and coalesce(taken_until <= ${now}, true) returning region`;
  return taken.map(({ region }) => region);
}

export async function keepProfile(tx: Transaction, { region, probes, failed, dueAt, signed }: Omit<KeptProfile, 'differences'>): Promise<void> {
  await tx.run`update admission.profile set probes = ${probes}, failed = ${failed}, due_at = ${dueAt}, signed = ${sql.json(signed ?? {})}::jsonb where region = ${region}`;
}

/** False when somebody is trying it. */
export async function suspend(tx: Transaction, region: string, now: Date, until: Date): Promise<boolean> {
  return (await tx.run`update admission.profile set due_at = ${until} where region = ${region} and coalesce(taken_until <= ${now}, true)`) === 1;
}

export async function keepDifferences(tx: Transaction, region: string, differences: Differences): Promise<void> {
  await tx.run`update admission.profile set differences = ${sql.json(differences)}::jsonb where region = ${region}`;
}

export async function giveBack(tx: Transaction, region: string): Promise<void> {
  await tx.run`update admission.profile set taken_until = null where region = ${region}`;
}

/** Of regions that are not there any more nothing is kept. */
export async function forgetOthers(tx: Transaction, regions: readonly string[]): Promise<void> {
  await tx.run`delete from admission.profile where region <> all(${[...regions]}::text[])`;
  await tx.run`delete from admission.capability where region <> all(${[...regions]}::text[])`;
}

export function listCapabilities(tx: Transaction, region: string): Promise<Capability[]> {
  return tx.rows<Capability>`select name, state, since, detail, milliseconds from admission.capability where region = ${region} order by name`;
}

/** Of all regions. */
export function listAllCapabilities(tx: Transaction): Promise<(Capability & { region: string })[]> {
  return tx.rows<Capability & { region: string }>`select region, name, state, since, detail, milliseconds from admission.capability order by region, name`;
}

export async function setCapability(tx: Transaction, region: string, { name, state, since, detail, milliseconds }: Capability): Promise<void> {
  await tx.run`
    insert into admission.capability as c (region, name, state, since, detail, milliseconds) values (${region}, ${name}, ${state}, ${since}, ${detail}, ${milliseconds})
    on conflict (region, name) do update set state = excluded.state, detail = excluded.detail, milliseconds = coalesce(excluded.milliseconds, c.milliseconds),
      since = case when c.state = excluded.state then c.since else excluded.since end`;
}
