/**
 * Invoices between an account and the one above it. A draft says up to which record of each region it counts, so that
 * it can be computed again for ever; an issued one is in both ledgers and never changes. What is told later about a
 * period that was invoiced makes a further invoice with the difference.
 */
import type { Random } from '../../kit/clock.ts';
import { emit } from '../../kit/events/events.ts';
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { canonical } from '../../kit/signed.ts';
import { listRegions } from '../federation/regions.ts';
import { listRecords, regionsBehind, sumRecords, toldSoFar, type Selection } from '../metering/usage.ts';
import { booksOfPeriod, edgeOf, getEdgeBelow, listVisible, ownAccount, useOfEdge, type Account, type Edge } from './accounts.ts';
import { findAccount, takeInvoiceNumber } from './accounts.store.ts';
import { getBook, type Book } from './books.ts';
import { bookInvoice, bookPayment } from './ledger.ts';
import { toCoins } from './money.ts';
import {
  deleteDraft, findInvoice, hasDraft, insertInvoice, issuedOfEdge, linesOf, listInvoices as selectInvoices, lockEdge, lockInvoice, setIssued,
  type Invoice, type InvoiceLine,
} from './invoices.store.ts';
import { lineKey, rate, type RatedLine, type Used } from './rating.ts';

export type { Invoice, InvoiceLine } from './invoices.store.ts';

type BookedLine = RatedLine & { bookHash: string };

const hourMs = 3_600_000;

export async function listInvoices(context: Context, accountId: string | undefined): Promise<Invoice[]> {
  const visible = await listVisible(context);
  const own = visible[0]!.account;
  const edgeIds = visible.map(({ account }) => account.id).filter((id) => accountId === undefined || id === accountId);
  return selectInvoices(context.tx, { edgeIds, drafterId: own.id });
}

export async function getInvoice(context: Context, id: string): Promise<{ invoice: Invoice; lines: InvoiceLine[] }> {
  const invoice = await getVisibleInvoice(context, id);
  return { invoice, lines: await linesOf(context.tx, [id]) };
}

export async function getVisibleInvoice(context: Context, id: string): Promise<Invoice> {
  const own = await ownAccount(context);
  const invoice = await findInvoice(context.tx, id);
  const isSide = invoice !== undefined && (invoice.sellerId === own.id || invoice.buyerId === own.id);
  if (!isSide || (invoice.status === 'draft' && invoice.edgeId === own.id)) throw noInvoice(id);
  return invoice;
}

/** `soFar`: the hour that is under way may be the last one, as far as it was told. */
export async function draftInvoice(context: Context, random: Random, { accountId, from, until, soFar = false }: { accountId: string; from: Date; until: Date; soFar?: boolean }): Promise<Invoice> {
  const { tx, now, requestId } = context;
  const edge = await getEdgeBelow(context, accountId);
  if (from.getTime() % hourMs !== 0 || until.getTime() % hourMs !== 0 || !(from < until)) throw badRequest('An invoice is of whole hours, one or more', 'invalid');
  const thisHour = new Date(Math.floor(now.getTime() / hourMs) * hourMs);
  const isUnderWay = soFar && until.getTime() === thisHour.getTime() + hourMs;
  if (until > now && !isUnderWay) throw badRequest('What is not over cannot be invoiced', 'invalid');
  await lockEdge(tx, accountId);
  if (await hasDraft(tx, accountId)) throw conflict('There is a draft for this account already: issue it or throw it away');
  const issued = await issuedOfEdge(tx, accountId);
  const before = demandWholePeriods(issued, { from, until });
  // Of an hour that is under way nobody has told all; what is before it is whole.
  if (!isUnderWay) await demandToldOf(tx, edge, until);
  else if (from < thisHour) await demandToldOf(tx, edge, thisHour);
  const usageBefore = await toldSoFar(tx);
  const { lines, book } = await computeLines(tx, edge, { from, until, upTo: usageBefore });
  const changed = before.length === 0 ? lines : difference(lines, await linesOf(tx, before.map(({ id }) => id)));
  if (before.length > 0 && changed.length === 0) throw conflict(`Nothing has changed since ${before.at(-1)!.number} was issued for this period`);
  const carriedNano = issued.at(-1)?.remainderNano ?? 0n;
  const inCoins = rounded(changed, { carriedNano, decimals: book.decimals });
  const [seller, buyer] = await Promise.all([findAccount(tx, edge.sellerId), findAccount(tx, edge.buyerId)]);
  const invoice: Invoice = {
    id: random.uuid(),
    status: 'draft',
    edgeId: accountId,
    sellerId: edge.sellerId,
    sellerName: nameOf(seller),
    buyerId: edge.buyerId,
    buyerName: nameOf(buyer),
    number: null,
    from,
    until,
    currency: book.currency,
    decimals: book.decimals,
    ...inCoins.sums,
    carriedNano,
    correction: before.length > 0,
    usageBefore: Object.fromEntries(usageBefore),
    createdAt: now,
    issuedAt: null,
  };
  await insertInvoice(tx, invoice, inCoins.lines);
  await emit(tx, { now: () => now }, { type: 'invoice.create', resource: 'invoice', resourceId: invoice.id, requestId, payload: {} });
  return invoice;
}

export async function discardInvoice(context: Context, id: string): Promise<void> {
  const { tx, now, requestId } = context;
  await lockedDraft(context, id, 'thrown away');
  await deleteDraft(tx, id);
  await emit(tx, { now: () => now }, { type: 'invoice.delete', resource: 'invoice', resourceId: id, requestId, payload: {} });
}

export async function issueInvoice(context: Context, id: string): Promise<Invoice> {
  const { tx, now, requestId } = context;
  const invoice = await lockedDraft(context, id, 'issued');
  const number = String(await takeInvoiceNumber(tx, invoice.sellerId)).padStart(6, '0');
  await setIssued(tx, id, { number, at: now });
  await bookInvoice(tx, now, { ...invoice, number });
  await emit(tx, { now: () => now }, { type: 'invoice.issue', resource: 'invoice', resourceId: id, requestId, payload: { number } });
  return { ...invoice, status: 'issued', number, issuedAt: now };
}

export async function payInvoice(context: Context, id: string, amountNano: bigint): Promise<void> {
  const { tx, now, requestId } = context;
  const invoice = await getVisibleInvoice(context, id);
  // Whoever gets the money says that it came; the operator says for a supplier what he has paid him.
  const own = await ownAccount(context);
  if (own.id === invoice.edgeId) throw noInvoice(id);
  if (invoice.status !== 'issued') throw conflict('A draft cannot be paid');
  if (toCoins(amountNano, invoice.decimals) !== amountNano || amountNano <= 0n) throw badRequest(`An amount of ${invoice.currency} has ${invoice.decimals} decimals and is more than nothing`, 'invalid');
  await bookPayment(tx, now, invoice, amountNano);
  await emit(tx, { now: () => now }, { type: 'invoice.pay', resource: 'invoice', resourceId: id, requestId, payload: {} });
}

export type Replay = { identical: boolean; records: number; differences: { line: string; invoiced: string | null; computed: string | null }[] };

const recordsAtOnce = 5_000;

/** Reads the records one by one and the books, and computes it all again: by another way than the draft was made. */
export async function replayInvoice(context: Context, id: string): Promise<Replay> {
  const { tx } = context;
  const invoice = await getVisibleInvoice(context, id);
  const edge = edgeOf(await accountOf(tx, invoice.edgeId));
  const upTo = new Map(Object.entries(invoice.usageBefore));
  const counter = { records: 0 };
  const { lines } = await computeLines(tx, edge, { from: invoice.from, until: invoice.until, upTo }, (selection) => readOneByOne(tx, selection, counter));
  const issued = await issuedOfEdge(tx, invoice.edgeId);
  const before = issued.filter((each) => each.from >= invoice.from && each.until <= invoice.until && isBefore(each, invoice));
  const changed = before.length === 0 ? lines : difference(lines, await linesOf(tx, before.map((each) => each.id)));
  const computed = rounded(changed, { carriedNano: invoice.carriedNano, decimals: invoice.decimals });
  const differences = compared(await linesOf(tx, [id]), computed.lines);
  return { identical: differences.length === 0 && computed.sums.totalNano === invoice.totalNano, records: counter.records, differences };
}

// Computing

type Period = { from: Date; until: Date; upTo: ReadonlyMap<string, number> };

/** The lines of an edge for a period, each by the book of its time; and the last of those books. */
async function computeLines(tx: Transaction, edge: Edge, { from, until, upTo }: Period, read: (selection: Selection) => Promise<Iterable<Used>> = (selection) => sumRecords(tx, selection)): Promise<{ lines: BookedLine[]; book: Book }> {
  const parts = await booksOfPeriod(tx, edge.account.id, { from, until });
  const use = await useOfEdge(tx, edge);
  const lines: BookedLine[] = [];
  let book: Book | undefined;
  for (const part of parts) {
    const next = await getBook(tx, part.bookId);
    if (book && (book.currency !== next.currency || book.decimals !== next.decimals)) throw conflict('The currency changes within this period: make an invoice for each part');
    book = next;
    const used = await read({ from: part.from, until: part.until, upTo, ...use });
    lines.push(...rate(used, book.entries).map((line) => ({ ...line, bookHash: next.hash })));
  }
  if (!book) throw conflict('There is no book of prices between these accounts for this time');
  return { lines, book };
}

async function readOneByOne(tx: Transaction, selection: Selection, counter: { records: number }): Promise<Used[]> {
  const sums = new Map<string, Used & { durationMs: bigint }>();
  let after: { region: string; sequence: number } | undefined;
  for (;;) {
    const records = await listRecords(tx, selection, { limit: recordsAtOnce, ...(after ? { after } : {}) });
    for (const { region, projectId, resource, flavor, measures, previous, from, until } of records) {
      counter.records += 1;
      if (previous === null) continue;
      const key = JSON.stringify([region, projectId, resource, flavor, previous]) + canonical(measures);
      const sum = sums.get(key) ?? { region, projectId, resource, flavor, measures, state: previous, durationMs: 0n };
      sum.durationMs += BigInt(until.getTime() - from.getTime());
      sums.set(key, sum);
    }
    after = records.at(-1);
    if (records.length < recordsAtOnce) return [...sums.values()];
  }
}

const bookedKey = (line: BookedLine) => `${line.bookHash} ${lineKey(line)}`;

/** What is more or less than was invoiced, line by line. */
function difference(lines: readonly BookedLine[], invoiced: readonly BookedLine[]): BookedLine[] {
  const left = new Map<string, BookedLine>(lines.map((line) => [bookedKey(line), line]));
  for (const line of invoiced) {
    const now = left.get(bookedKey(line)) ?? { ...line, unitMs: 0n, costNano: 0n };
    left.set(bookedKey(line), { ...now, unitMs: now.unitMs - line.unitMs, costNano: now.costNano - line.costNano });
  }
  return [...left.entries()].toSorted(([one], [other]) => (one < other ? -1 : 1)).flatMap(([, line]) => (line.unitMs === 0n && line.costNano === 0n ? [] : [line]));
}

/** Each line in coins, so that they add up to the whole in coins; what the last one loses is carried on. */
function rounded(lines: readonly BookedLine[], { carriedNano, decimals }: { carriedNano: bigint; decimals: number }): { lines: InvoiceLine[]; sums: { totalNano: bigint; remainderNano: bigint } } {
  let exact = carriedNano;
  let told = 0n;
  const inCoins = lines.map((line, index) => {
    exact += line.costNano;
    const amountNano = toCoins(exact, decimals) - told;
    told += amountNano;
    return { ...line, number: index + 1, amountNano };
  });
  return { lines: inCoins, sums: { totalNano: told, remainderNano: exact - told } };
}

function compared(invoiced: readonly InvoiceLine[], computed: readonly InvoiceLine[]): Replay['differences'] {
  const text = ({ unitMs, costNano, amountNano }: InvoiceLine) => `${unitMs} unit-ms cost ${costNano} nano, ${amountNano} billed`;
  const now = new Map(computed.map((line) => [bookedKey(line), text(line)]));
  const then = new Map(invoiced.map((line) => [bookedKey(line), text(line)]));
  const keys = [...new Set([...then.keys(), ...now.keys()])];
  return keys.flatMap((line) => (now.get(line) === then.get(line) ? [] : [{ line, invoiced: then.get(line) ?? null, computed: now.get(line) ?? null }]));
}

// Refusing

/** What was invoiced for just these hours; a part of a period that was invoiced cannot be invoiced again. */
function demandWholePeriods(issued: readonly Invoice[], { from, until }: { from: Date; until: Date }): Invoice[] {
  const overlapping = issued.filter((each) => each.from < until && each.until > from);
  const partly = overlapping.find((each) => each.from.getTime() !== from.getTime() || each.until.getTime() !== until.getTime());
  if (partly) throw conflict(`The invoice ${partly.number} is of ${partly.from.toISOString()} to ${partly.until.toISOString()}: what has changed is invoiced for just that time`);
  return overlapping;
}

/** Nothing is billed of hours of which a region may still tell; a correction comes whenever it comes. */
async function demandToldOf(tx: Transaction, edge: Edge, until: Date): Promise<void> {
  // A region that has left has told what it had to tell, and nobody waits for it.
  const present = new Set((await listRegions({ tx })).map(({ name }) => name));
  const behind = (await regionsBehind(tx, until)).filter((region) => present.has(region));
  const use = await useOfEdge(tx, edge);
  const missing = 'regions' in use ? behind.filter((region) => use.regions.includes(region)) : behind;
  if (missing.length > 0) throw conflict(`Not all usage until ${until.toISOString()} is known yet: ${missing.join(', ')} has still to tell`, 'usage-incomplete');
}

async function lockedDraft(context: Context, id: string, what: string): Promise<Invoice> {
  const visible = await getVisibleInvoice(context, id);
  const invoice = await lockInvoice(context.tx, visible.id);
  if (!invoice) throw noInvoice(id);
  if (invoice.status !== 'draft') {
    // Who gets an invoice is told no more than that it is not his to change.
    throw conflict(`The invoice ${invoice.number} is issued, and cannot be ${what}`);
  }
  return invoice;
}

function isBefore(one: Invoice, other: Invoice): boolean {
  if (one.id === other.id) return false;
  return other.issuedAt === null || (one.issuedAt! < other.issuedAt || (one.issuedAt!.getTime() === other.issuedAt.getTime() && one.number! < other.number!));
}

async function accountOf(tx: Transaction, id: string): Promise<Account> {
  const account = await findAccount(tx, id);
  if (!account) throw new Error(`The account ${id} is gone`);
  return account;
}

function nameOf(account: Account | undefined): string {
  if (!account) throw new Error('The account is gone');
  return account.name;
}

function noInvoice(id: string) {
  return notFound(`There is no invoice ${id}`, 'notFound');
}
