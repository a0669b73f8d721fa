/** Limits that were registered with identity, as home says them: the region keeps them beside those of its services. */
import type { Transaction } from '../../kit/postgres/database.ts';
import type { GivenBack } from './leases.ts';

/** Of everybody when no subject is named; null: there is none any more. */
export type Bound = { kind: string; subject: string | null; here: boolean; amount: bigint | null };

export async function takeBounds(tx: Transaction, bounds: readonly Bound[]): Promise<void> {
  for (const { kind, subject, here, amount } of bounds) {
    const whose = subject ?? '';
    if (amount === null) await tx.run`delete from quota.bound where resource = ${kind} and project_id = ${whose} and here = ${here}`;
    else
      await tx.run`
        insert into quota.bound (resource, project_id, here, amount) values (${kind}, ${whose}, ${here}, ${amount}::bigint)
        on conflict (resource, project_id, here) do update set amount = excluded.amount`;
  }
}

/** Where a limit is another one, nothing more is held than is used: what there may be now is asked for anew. */
export async function letGoOfBounded(tx: Transaction, bounds: readonly Bound[]): Promise<GivenBack[]> {
  const given = new Map<string, GivenBack>();
  for (const { kind, subject } of bounds) {
    const rows = await tx.rows<{ subject: string; amount: string; version: number }>`
      update quota.claim set lease = used
      where resource = ${kind} and (${subject}::text is null or project_id = ${subject}) and (lease > used or lease = -1)
      returning project_id as subject, lease::text as amount, lease_version as version`;
    for (const row of rows) given.set(`${kind} ${row.subject}`, { kind, subject: row.subject, amount: BigInt(row.amount), version: row.version });
  }
  return [...given.values()];
}
