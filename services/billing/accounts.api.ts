/** The door of accounts. */
import { accounts as contract } from '../../contract/intercloud/billing/accounts.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { addDomain, createAccount, describe, getEdgeBelow, getVisible, listVisible, setBook, type Account } from './accounts.ts';
import { getBookForEdge } from './books.ts';
import { invoicedUntil } from './invoices.store.ts';
import { momentOf } from './moments.ts';

export function accounts({ domainExists }: { domainExists: (tx: Transaction, id: string) => Promise<boolean> }) {
  return implement(contract, {
    async list(request) {
      const shownAccounts = [];
      for (const each of await listVisible(request)) shownAccounts.push(await shown(request, each));
      return { accounts: shownAccounts };
    },
    async create(request) {
      const account = await createAccount(request, { random: request.random, ...request.body });
      return shown(request, { account, relation: account.kind === 'supplier' ? 'supplier' : 'customer' });
    },
    show: async (request) => shown(request, await getVisible(request, request.params.account_id)),
    async addDomain(request) {
      await addDomain(request, { accountId: request.params.account_id, domainId: request.params.domain_id, domainExists });
    },
    async setBook(request) {
      const { params, body, tx } = request;
      const edge = await getEdgeBelow(request, params.account_id);
      const book = await getBookForEdge(tx, edge, body.book_id);
      await setBook(request, edge, { bookId: book.id, from: body.from === undefined ? undefined : momentOf(body.from), invoicedUntil: await invoicedUntil(tx, edge.account.id) });
    },
  });
}

async function shown(context: Context, visible: { account: Account; relation: 'self' | 'customer' | 'supplier' }) {
  const { account, relation } = visible;
  const { domains, regions, bookId } = await describe(context, visible);
  return { id: account.id, name: account.name, kind: account.kind, relation, domains, regions, book_id: bookId, created_at: account.createdAt.toISOString() };
}
