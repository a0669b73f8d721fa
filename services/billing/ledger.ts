/** Double entry: what is booked is in the books of each side for itself, adds up to nothing, and stays. */
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { ownAccount } from './accounts.ts';
import type { Invoice } from './invoices.store.ts';
import { insertBooking, listBookings, sumEntries, type Balance, type Booking, type LedgerName } from './ledger.store.ts';

export { bookedUnder, type Balance, type Booking } from './ledger.store.ts';

type Parties = Pick<Invoice, 'sellerId' | 'buyerId' | 'currency'>;

/** The seller has something to get, the buyer something to pay. */
export async function bookInvoice(tx: Transaction, at: Date, { id, sellerId, buyerId, currency, totalNano }: Pick<Invoice, 'id' | 'sellerId' | 'buyerId' | 'currency' | 'totalNano'> & { number: string }): Promise<void> {
  await bookBoth(tx, { at, kind: 'invoice', reference: id, unique: `invoice ${id}` }, { sellerId, buyerId, currency }, totalNano, { seller: ['receivable', 'revenue'], buyer: ['cost', 'payable'] });
}

export async function bookPayment(tx: Transaction, at: Date, { id, ...parties }: Pick<Invoice, 'id'> & Parties, amountNano: bigint): Promise<void> {
  await bookBoth(tx, { at, kind: 'payment', reference: id, unique: null }, parties, amountNano, { seller: ['cash', 'receivable'], buyer: ['payable', 'cash'] });
}

export async function bookSettlement(tx: Transaction, at: Date, { reference, ...parties }: Parties & { reference: string }, amountNano: bigint): Promise<void> {
  await bookBoth(tx, { at, kind: 'settlement', reference, unique: null }, parties, amountNano, { seller: ['receivable', 'revenue'], buyer: ['cost', 'payable'] });
}

export async function listOwnBookings(context: Context, page: { limit: number; before: number | undefined }): Promise<Booking[]> {
  return listBookings(context.tx, (await ownAccount(context)).id, page);
}

export async function ownBalances(context: Context): Promise<Balance[]> {
  return sumEntries(context.tx, (await ownAccount(context)).id);
}

type Sides = { seller: [debit: LedgerName, credit: LedgerName]; buyer: [debit: LedgerName, credit: LedgerName] };

async function bookBoth(tx: Transaction, booking: { at: Date; kind: Booking['kind']; reference: string; unique: string | null }, { sellerId, buyerId, currency }: Parties, amountNano: bigint, sides: Sides): Promise<void> {
  if (amountNano === 0n) return;
  for (const [accountId, withAccount, [debit, credit]] of [[sellerId, buyerId, sides.seller], [buyerId, sellerId, sides.buyer]] as const) {
    const unique = booking.unique === null ? null : `${booking.unique} ${accountId}`;
    await insertBooking(tx, { ...booking, unique, accountId }, [
      { ledger: debit, withAccount, currency, amountNano },
      { ledger: credit, withAccount, currency, amountNano: -amountNano },
    ]);
  }
}
