/** What each thing has of each line of an invoice. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { sumByResource } from '../metering/usage.ts';
import { booksOfPeriod, useOfEdge } from './accounts.ts';
import { findAccount } from './accounts.store.ts';
import { getBook } from './books.ts';
import type { FocusLine, Share } from './focus.ts';
import type { Invoice, InvoiceLine } from './invoices.store.ts';
import { lineKey, rate, type BookEntry } from './rating.ts';

/** Of a correction, which is of a sum and of no thing, each line is one share. */
export async function focusLines(tx: Transaction, invoice: Invoice, lines: readonly InvoiceLine[]): Promise<FocusLine[]> {
  const account = await findAccount(tx, invoice.edgeId);
  if (!account) throw new Error(`The account ${invoice.edgeId} is gone`);
  const use = await useOfEdge(tx, { account });
  const found: FocusLine[] = [];
  for (const part of await booksOfPeriod(tx, account.id, invoice)) {
    const book = await getBook(tx, part.bookId);
    const entries = new Map(book.entries.map((entry) => [entry.id, entry]));
    const of = lines.filter(({ bookHash, entry }) => bookHash === book.hash && entries.has(entry));
    const shares = invoice.correction ? new Map<string, Share[]>() : await sharesOf(tx, { from: part.from, until: part.until, upTo: new Map(Object.entries(invoice.usageBefore)), ...use }, book.entries);
    for (const line of of) found.push({ line, entry: entries.get(line.entry)!, period: part, shares: shares.get(lineKey(line)) ?? [{ resourceId: '', unitMs: line.unitMs }] });
  }
  return found;
}

async function sharesOf(tx: Transaction, selection: Parameters<typeof sumByResource>[1], entries: readonly BookEntry[]): Promise<Map<string, Share[]>> {
  const shares = new Map<string, Share[]>();
  // A thing is rated alone only to find under which entries it falls; what it costs is its share of the line.
  const byThing = Map.groupBy(await sumByResource(tx, selection), ({ resource, resourceId, region }) => `${region} ${resource} ${resourceId}`);
  for (const used of byThing.values())
    for (const line of rate(used, entries)) {
      const known = shares.get(lineKey(line));
      const share = { resourceId: used[0]!.resourceId, unitMs: line.unitMs };
      if (known) known.push(share);
      else shares.set(lineKey(line), [share]);
    }
  return shares;
}
