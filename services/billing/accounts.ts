/**
 * The tree of accounts, and who sees what of it. An edge is an account with the one above it; whoever asks sees the
 * edge above himself and those right below. What is farther away looks as if it did not exist: a customer does not
 * learn what his seller pays, and one customer not that there is another.
 */
import type { Random } from '../../kit/clock.ts';
import { emit } from '../../kit/events/events.ts';
import { badRequest, conflict, forbidden, notFound } from '../../kit/fault.ts';
import type { Caller } from '../../kit/http/caller.ts';
import type { Context } from '../../kit/http/implement.ts';
import { ConstraintViolation, type Transaction } from '../../kit/postgres/database.ts';
import {
  domainsBelow, domainsOf, findAccount, findAccountOfDomain, insertAccount, insertSuppliedRegions, listAssignments, listChildren, regionsOf, setAssignment, setDomain,
  type Account,
} from './accounts.store.ts';

export { regionsOf, supplierOfRegion, type Account, type Assignment } from './accounts.store.ts';

export const operatorId = 'operator';
const hourMs = 3_600_000;

/** An account with the one above it: who sells, and who buys. */
export type Edge = { account: Account; sellerId: string; buyerId: string };

/** For whom the caller acts: an administrator for the operator, a manager of a domain for its account. */
export async function ownAccount({ tx, caller }: Pick<Context, 'tx' | 'caller'>): Promise<Account> {
  const account = await accountOfCaller(tx, caller);
  if (!account) throw forbidden('Bills are for managers of a domain that belongs to an account, with a token for that domain');
  return account;
}

async function accountOfCaller(tx: Transaction, { isAdmin, domainId }: Caller): Promise<Account | undefined> {
  if (isAdmin) return findAccount(tx, operatorId);
  return domainId === null ? undefined : findAccountOfDomain(tx, domainId);
}

/** What of this account the caller may see, if anything. */
export async function getVisible(context: Context, id: string): Promise<{ account: Account; own: Account; relation: 'self' | 'customer' | 'supplier' }> {
  const own = await ownAccount(context);
  if (id === own.id) return { account: own, own, relation: 'self' };
  const account = await findAccount(context.tx, id);
  if (!account || account.parentId !== own.id || account.kind === 'operator') throw noAccount(id);
  return { account, own, relation: account.kind };
}

/** The edge between the caller and an account right below. */
export async function getEdgeBelow(context: Context, id: string): Promise<Edge & { own: Account }> {
  const { account, own, relation } = await getVisible(context, id);
  if (relation === 'self') throw badRequest('An account is billed by the one above it', 'invalid');
  return { ...edgeOf(account), own };
}

export function edgeOf(account: Account): Edge {
  const { id, parentId, kind } = account;
  if (parentId === null) throw new Error('There is nothing above the operator');
  return kind === 'supplier' ? { account, sellerId: id, buyerId: parentId } : { account, sellerId: parentId, buyerId: id };
}

export async function listVisible(context: Context): Promise<{ account: Account; relation: 'self' | 'customer' | 'supplier' }[]> {
  const own = await ownAccount(context);
  const children = await listChildren(context.tx, own.id);
  return [{ account: own, relation: 'self' as const }, ...children.map((account) => ({ account, relation: account.kind === 'supplier' ? ('supplier' as const) : ('customer' as const) }))];
}

/** What belongs to an account, as far as the caller may know it: of others, which regions they supply. */
export async function describe({ tx, now }: Context, { account, relation }: { account: Account; relation: 'self' | 'customer' | 'supplier' }): Promise<{ domains: string[]; regions: string[]; bookId: string | null }> {
  const [domains, regions, assignments] = [relation === 'self' ? await domainsOf(tx, account.id) : [], await regionsOf(tx, account.id), await listAssignments(tx, account.id)];
  return { domains, regions, bookId: assignments.find(({ from }) => from <= now)?.bookId ?? null };
}

export async function createAccount(context: Context, { random, name, kind = 'customer', regions = [] }: { random: Random; name: string; kind?: 'customer' | 'supplier'; regions?: readonly string[] }): Promise<Account> {
  const { tx, now, requestId } = context;
  const own = await ownAccount(context);
  if (kind === 'supplier' && own.id !== operatorId) throw forbidden('Only the operator has suppliers');
  if (own.kind === 'supplier') throw forbidden('A supplier sells to the one above it, and has no accounts below');
  if (kind === 'customer' && regions.length > 0) throw badRequest('A customer supplies no regions', 'invalid');
  const account: Account = { id: random.uuid(), parentId: own.id, name, kind, createdAt: now };
  await insertAccount(tx, account);
  await insertSuppliedRegions(tx, account.id, [...new Set(regions)]).catch((error: unknown) => {
    if (error instanceof ConstraintViolation && error.kind === 'unique') throw conflict('One of the regions is supplied by another account');
    throw error;
  });
  await emit(tx, { now: () => now }, { type: 'account.create', resource: 'account', resourceId: account.id, requestId, payload: { kind } });
  return account;
}

/** The operator's alone: he knows whose the domains are that he made, and sees nothing of the account by it. */
export async function addDomain({ tx, now, requestId }: Context, { accountId, domainId, domainExists }: { accountId: string; domainId: string; domainExists: (tx: Transaction, id: string) => Promise<boolean> }): Promise<void> {
  const account = await findAccount(tx, accountId);
  if (!account) throw noAccount(accountId);
  if (!(await domainExists(tx, domainId))) throw notFound(`There is no domain ${domainId}`, 'notFound');
  await setDomain(tx, domainId, accountId);
  await emit(tx, { now: () => now }, { type: 'account.update', resource: 'account', resourceId: accountId, requestId, payload: { domain_id: domainId } });
}

/** From this hour on; what was invoiced was invoiced by the book of then, so that it cannot be before the end of that. */
export async function setBook({ tx, now, requestId }: Context, { account }: Edge, { bookId, from, invoicedUntil }: { bookId: string; from: Date | undefined; invoicedUntil: Date | null }): Promise<void> {
  const hour = new Date(Math.floor((from ?? now).getTime() / hourMs) * hourMs);
  if (invoicedUntil !== null && hour < invoicedUntil) throw conflict(`It is invoiced until ${invoicedUntil.toISOString()}: another book begins then at the earliest`);
  await setAssignment(tx, account.id, { bookId, from: hour });
  await emit(tx, { now: () => now }, { type: 'account.update', resource: 'account', resourceId: account.id, requestId, payload: { book_id: bookId } });
}

/** The parts of a period, each with the book by which it is paid; what is before the first book costs nothing. */
export async function booksOfPeriod(tx: Transaction, accountId: string, { from, until }: { from: Date; until: Date }): Promise<{ bookId: string; from: Date; until: Date }[]> {
  const parts: { bookId: string; from: Date; until: Date }[] = [];
  let end = until;
  for (const assignment of await listAssignments(tx, accountId)) {
    if (assignment.from >= end) continue;
    const begin = assignment.from > from ? assignment.from : from;
    parts.unshift({ bookId: assignment.bookId, from: begin, until: end });
    end = begin;
    if (end <= from) break;
  }
  return parts;
}

/** What is used on this edge: of a customer all that is below him, of a supplier what is in his regions. */
export async function useOfEdge(tx: Transaction, { account }: Pick<Edge, 'account'>): Promise<{ domainIds: string[] } | { regions: string[] }> {
  return account.kind === 'supplier' ? { regions: await regionsOf(tx, account.id) } : { domainIds: await domainsBelow(tx, account.id) };
}

export async function demandAccount(tx: Transaction, id: string): Promise<void> {
  if (!(await findAccount(tx, id))) throw noAccount(id);
}

export function noAccount(id: string) {
  return notFound(`There is no account ${id}`, 'notFound');
}
