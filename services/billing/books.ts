/** Books of prices: versions that never change, known by the hash of what they say. */
import { createHash } from 'node:crypto';
import type { Random } from '../../kit/clock.ts';
import { emit } from '../../kit/events/events.ts';
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { canonical, type Plain } from '../../kit/signed.ts';
import { edgeOf, getVisible, listVisible, ownAccount, type Account, type Edge } from './accounts.ts';
import { findAccountOfDomain, listAssignments } from './accounts.store.ts';
import { findBook, insertBook, listBooks, nextVersion, type Book } from './books.store.ts';
import { withMargin, type BookEntry } from './rating.ts';

export type { Book } from './books.store.ts';

/** Of what both sides see of a book, so that the buyer can check it; its seller's costs are not in it. */
export function hashOfBook({ name, version, currency, decimals, entries }: Pick<Book, 'name' | 'version' | 'currency' | 'decimals' | 'entries'>): string {
  const content = JSON.parse(JSON.stringify({ name, version, currency, decimals, entries })) as Plain;
  return createHash('sha256').update(canonical(content)).digest('hex');
}

export async function listVisibleBooks(context: Context): Promise<Book[]> {
  const [own, ...below] = await listVisible(context);
  const suppliers = below.filter(({ relation }) => relation === 'supplier').map(({ account }) => account.id);
  // What a customer sells by to his own is his alone: of an edge below only what the caller himself sells by is shown.
  return listBooks(context.tx, { ownerIds: [own!.account.id, ...suppliers], edgeIds: [own!.account.id] });
}

export async function getVisibleBook(context: Context, id: string): Promise<Book> {
  const book = (await listVisibleBooks(context)).find((each) => each.id === id);
  if (!book) throw noBook(id);
  return book;
}

export type BookWish = { name: string; account_id?: string; currency?: string; decimals?: number; entries?: BookEntry[]; margin?: string };

export async function createBook(context: Context, random: Random, wish: BookWish): Promise<Book> {
  const { tx, now, requestId } = context;
  const seller = await sellerOf(context, wish.account_id);
  const { base, ...content } = wish.margin === undefined ? { base: null, ...written(wish) } : await derived(context, seller, wish.margin, wish);
  demandSense(content.entries);
  const version = await nextVersion(tx, seller.id, wish.name);
  const named = { name: wish.name, version, ...content };
  const book: Book = { id: random.uuid(), accountId: seller.id, ...named, hash: hashOfBook(named), derivedFrom: base, margin: wish.margin ?? null, createdAt: now };
  await insertBook(tx, book);
  await emit(tx, { now: () => now }, { type: 'book.create', resource: 'book', resourceId: book.id, requestId, payload: { version } });
  return book;
}

/** Refuses a book that the seller of this edge does not sell by, or that is in another money than he was paid in. */
export async function getBookForEdge(tx: Transaction, { sellerId }: Edge, bookId: string): Promise<Book> {
  const book = await findBook(tx, bookId);
  if (!book || book.accountId !== sellerId) throw noBook(bookId);
  return book;
}

export async function getBook(tx: Transaction, id: string): Promise<Book> {
  const book = await findBook(tx, id);
  if (!book) throw new Error(`The book ${id} is gone`);
  return book;
}

/** By which what the domain uses is paid now: its account's, if it has one. */
export async function bookOfDomain(tx: Transaction, domainId: string, now: Date): Promise<Book | undefined> {
  const account = await findAccountOfDomain(tx, domainId);
  const bookId = account && (await listAssignments(tx, account.id)).find(({ from }) => from <= now)?.bookId;
  return bookId === undefined ? undefined : findBook(tx, bookId);
}

/** Oneself; or a supplier, whose prices the operator may write down for him. */
async function sellerOf(context: Context, accountId: string | undefined): Promise<Account> {
  if (accountId === undefined) return ownAccount(context);
  const { account, relation } = await getVisible(context, accountId);
  if (relation === 'customer') throw badRequest('A customer writes his prices himself', 'invalid');
  return account;
}

function written({ currency, decimals = 2, entries, margin }: BookWish): { currency: string; decimals: number; entries: BookEntry[] } {
  if (entries === undefined || currency === undefined || margin !== undefined) throw badRequest('A book has a currency and entries, or is derived by a margin', 'invalid');
  return { currency, decimals, entries };
}

/** From what the seller pays himself: his prices are that and so many percent. */
async function derived({ tx, now }: Context, seller: Account, margin: string, { entries, currency, decimals }: BookWish): Promise<{ base: string; currency: string; decimals: number; entries: BookEntry[] }> {
  if (entries !== undefined || currency !== undefined || decimals !== undefined) throw badRequest('A book that is derived by a margin has the currency and the entries of the one it is made from', 'invalid');
  const bookId = seller.parentId === null || edgeOf(seller).buyerId !== seller.id ? undefined : (await listAssignments(tx, seller.id)).find(({ from }) => from <= now)?.bookId;
  if (bookId === undefined) throw conflict('There is no book by which the account buys, that another could be derived from');
  const base = await getBook(tx, bookId);
  return { base: base.id, currency: base.currency, decimals: base.decimals, entries: withMargin(base.entries, margin) };
}

function demandSense(entries: readonly BookEntry[]): void {
  const ids = new Set(entries.map(({ id }) => id));
  if (ids.size !== entries.length) throw badRequest('Two entries have the same id', 'invalid');
  for (const { id, price, tiers } of entries) {
    if ((price === undefined) === (tiers === undefined)) throw badRequest(`The entry ${id} has a price or tiers, and not both`, 'invalid');
    if (price?.startsWith('-') === true || tiers?.some((tier) => tier.price.startsWith('-')) === true) throw badRequest(`The entry ${id} has a price below nothing`, 'invalid');
    if (tiers) demandRising(id, tiers.map(({ up_to }) => up_to));
  }
}

function demandRising(id: string, ends: readonly (string | null)[]): void {
  const rising = ends.every((end, index) => (index === ends.length - 1 ? end === null : end !== null && BigInt(end) > BigInt(ends[index - 1] ?? '0')));
  if (!rising) throw badRequest(`The tiers of ${id} must rise, and the last have no end`, 'invalid');
}

function noBook(id: string) {
  return notFound(`There is no book ${id}`, 'notFound');
}
