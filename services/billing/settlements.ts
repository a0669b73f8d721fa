/** What two clouds owe each other by the counts on which both agree: what is more or less than invoiced is booked. */
import { emit } from '../../kit/events/events.ts';
import { badRequest, conflict } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { allDisputes, getAgreement, matchedUse } from '../metering/agreements.ts';
import { booksOfPeriod, getEdgeBelow } from './accounts.ts';
import { getBook } from './books.ts';
import { issuedOfEdge, lockEdge } from './invoices.store.ts';
import { bookedUnder, bookSettlement } from './ledger.ts';
import { toCoins } from './money.ts';
import { rate } from './rating.ts';

const hourMs = 3_600_000;

export type Settlement = { currency: string; agreedNano: bigint; invoicedNano: bigint; bookedNano: bigint; openDisputes: number };

export async function settle(context: Context, { agreementId, accountId, from, until }: { agreementId: string; accountId: string; from: Date; until: Date }): Promise<Settlement> {
  const { tx, now, requestId } = context;
  const edge = await getEdgeBelow(context, accountId);
  const agreement = await getAgreement(tx, agreementId);
  if (from.getTime() % hourMs !== 0 || until.getTime() % hourMs !== 0 || !(from < until)) throw badRequest('A settlement is of whole hours, one or more', 'invalid');
  await lockEdge(tx, accountId);
  const parts = await booksOfPeriod(tx, accountId, { from, until });
  const [first] = parts;
  if (!first) throw conflict('There is no book of prices between these accounts for this time');
  const { currency, decimals } = await getBook(tx, first.bookId);
  let costNano = 0n;
  for (const part of parts) {
    const book = await getBook(tx, part.bookId);
    if (book.currency !== currency) throw conflict('The currency changes within this period: settle each part');
    const { rows, hours } = await matchedUse(tx, agreementId, part);
    const expected = (part.until.getTime() - part.from.getTime()) / hourMs;
    if (hours < expected) throw conflict(`Of ${expected} hours ${hours} are compared`, 'hours-missing');
    const used = rows.map(({ project, resource, flavor = '', measure, unit_ms: unitMs }) => ({ region: agreement.region, projectId: project, resource, flavor, state: 'ACTIVE', measures: { [measure]: 1 }, durationMs: BigInt(unitMs) }));
    costNano += rate(used, book.entries).reduce((sum, line) => sum + line.costNano, 0n);
  }
  const agreedNano = toCoins(costNano, decimals);
  const invoicedNano = (await issuedOfEdge(tx, accountId)).filter((invoice) => invoice.from >= from && invoice.until <= until).reduce((sum, { totalNano }) => sum + totalNano, 0n);
  const reference = `${agreementId} ${from.toISOString()} ${until.toISOString()}`;
  const bookedNano = agreedNano - invoicedNano - (await bookedUnder(tx, { accountId: edge.sellerId, reference }));
  await bookSettlement(tx, now, { sellerId: edge.sellerId, buyerId: edge.buyerId, currency, reference }, bookedNano);
  await emit(tx, { now: () => now }, { type: 'settlement.book', resource: 'settlement', resourceId: agreementId, requestId, payload: {} });
  const openDisputes = (await allDisputes(tx, { agreementId, status: 'open' })).filter(({ hour }) => hour >= from && hour < until).length;
  return { currency, agreedNano, invoicedNano, bookedNano, openDisputes };
}
