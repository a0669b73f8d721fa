import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type LedgerName = 'receivable' | 'payable' | 'revenue' | 'cost' | 'cash';
export type Entry = { ledger: LedgerName; withAccount: string; currency: string; amountNano: bigint };
export type Booking = { id: number; at: Date; kind: 'invoice' | 'payment' | 'settlement'; reference: string; entries: Entry[] };
export type Balance = { ledger: LedgerName; withAccount: string; currency: string; balanceNano: bigint };

type Head = { accountId: string; at: Date; kind: Booking['kind']; reference: string; unique: string | null };

/** The entries must add up to nothing: the commit is refused otherwise. What has a unique key and is there already stays. */
export async function insertBooking(tx: Transaction, { accountId, at, kind, reference, unique }: Head, entries: readonly Entry[]): Promise<void> {
  await tx.run`
    with booking as (
      insert into billing.booking (account_id, at, kind, reference, unique_key) values (${accountId}, ${at}, ${kind}, ${reference}, ${unique})
      on conflict (unique_key) do nothing returning id
    )
    insert into billing.booking_entry (booking_id, place, ledger, with_account, currency, amount_nano)
    select booking.id, place, ledger, with_account, currency, amount_nano from booking, unnest(
      ${entries.map(({ ledger }) => ledger)}::text[], ${entries.map(({ withAccount }) => withAccount)}::text[], ${entries.map(({ currency }) => currency)}::text[], ${entries.map(({ amountNano }) => String(amountNano))}::numeric[]
    ) with ordinality as entry (ledger, with_account, currency, amount_nano, place)`;
}

export async function listBookings(tx: Transaction, accountId: string, { limit, before }: { limit: number; before: number | undefined }): Promise<Booking[]> {
  const earlier = before === undefined ? sql`true` : sql`id < ${before}`;
  const heads = await tx.rows<Omit<Booking, 'entries'>>`
    select id, at, kind, reference from billing.booking where account_id = ${accountId} and ${earlier} order by id desc limit ${limit}`;
  const entries = await tx.rows<Omit<Entry, 'amountNano'> & { bookingId: number; amountNano: string }>`
    select booking_id as "bookingId", ledger, with_account as "withAccount", currency, amount_nano::text as "amountNano"
    from billing.booking_entry where booking_id = any(${heads.map(({ id }) => id)}::bigint[]) order by booking_id, place`;
  return heads.map((head) => ({
    ...head,
    entries: entries.filter(({ bookingId }) => bookingId === head.id).map(({ ledger, withAccount, currency, amountNano }) => ({ ledger, withAccount, currency, amountNano: BigInt(amountNano) })),
  }));
}

/** What was booked on the seller's side under this reference. */
export async function bookedUnder(tx: Transaction, { accountId, reference }: { accountId: string; reference: string }): Promise<bigint> {
  const row = await tx.one<{ sum: string }>`
    select coalesce(sum(amount_nano), 0)::text as sum from billing.booking_entry join billing.booking on booking.id = booking_id
    where account_id = ${accountId} and reference = ${reference} and kind = 'settlement' and ledger = 'receivable'`;
  return BigInt(row?.sum ?? '0');
}

export async function sumEntries(tx: Transaction, accountId: string): Promise<Balance[]> {
  const rows = await tx.rows<Omit<Balance, 'balanceNano'> & { balanceNano: string }>`
    select ledger, with_account as "withAccount", currency, sum(amount_nano)::text as "balanceNano"
    from billing.booking_entry join billing.booking on booking.id = booking_id where account_id = ${accountId} group by 1, 2, 3 order by 1, 2, 3`;
  return rows.map((row) => ({ ...row, balanceNano: BigInt(row.balanceNano) }));
}

/** Of all accounts, by currency: nothing, or the books are wrong. */
export async function unbalanced(tx: Transaction): Promise<{ bookingId: number; currency: string; sum: string }[]> {
  return tx.rows`
    select booking_id as "bookingId", currency, sum(amount_nano)::text as sum from billing.booking_entry group by 1, 2 having sum(amount_nano) <> 0 limit 20`;
}
