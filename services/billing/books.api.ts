/** The door of books of prices. */
import { books as contract } from '../../contract/intercloud/billing/books.ts';
import { implement } from '../../kit/http/implement.ts';
import { createBook, getVisibleBook, listVisibleBooks, type Book } from './books.ts';

export const books = implement(contract, {
  list: async (request) => ({ books: (await listVisibleBooks(request)).map(shown) }),
  create: async (request) => shown(await createBook(request, request.random, request.body)),
  show: async (request) => shown(await getVisibleBook(request, request.params.book_id)),
});

function shown({ id, accountId, name, version, currency, decimals, entries, hash, createdAt }: Book) {
  return { id, account_id: accountId, name, version, currency, decimals, entries: entries as never, hash, created_at: createdAt.toISOString() };
}
