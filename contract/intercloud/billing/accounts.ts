/** Who pays whom: a tree of accounts. Each sees itself, what it pays to the one above it, and what those below it pay to it. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Id, Moment, Name } from '../native.ts';

const exactly = <P extends Parameters<typeof Type.Object>[0]>(properties: P) => Type.Object(properties, { additionalProperties: false });

export const Account = exactly({
  id: Type.String(),
  name: Type.String(),
  kind: Type.Enum(['operator', 'customer', 'supplier'], { description: 'A supplier sells to the one above it; a customer buys from it, and may sell on' }),
  relation: Type.Enum(['self', 'customer', 'supplier'], { description: 'What it is to who asks' }),
  domains: Type.Array(Type.String(), { description: "The domains whose projects' use is its own; of itself only" }),
  regions: Type.Array(Type.String(), { description: 'What a supplier supplies' }),
  book_id: Type.Union([Type.String(), Type.Null()], { description: 'The book by which is paid between it and the one above it now' }),
  created_at: Moment,
});

const access = (verb: string, who: 'manager' | 'admin' = 'manager') => ({ rule: `intercloud:billing:${verb}`, who }) as const;

export const accounts = operations({
  list: {
    method: 'GET',
    path: '/accounts',
    summary: "The caller's account and those directly below it",
    access: access('list_accounts'),
    stability: 'stable',
    status: 200,
    response: exactly({ accounts: Type.Array(Account) }),
    list: { resource: 'account', show: 'show', parameter: 'account_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/accounts',
    summary: "Open an account below the caller's own",
    access: access('create_account'),
    stability: 'stable',
    body: exactly({ name: Name, kind: Type.Optional(Type.Enum(['customer', 'supplier'])), regions: Type.Optional(Type.Array(Name, { maxItems: 100, description: 'For a supplier, which the operator alone has' })) }),
    status: 201,
    response: Account,
  },
  show: { method: 'GET', path: '/accounts/{account_id}', summary: 'Show an account', access: access('show_account'), stability: 'stable', status: 200, response: Account },
  addDomain: {
    method: 'PUT',
    path: '/accounts/{account_id}/domains/{domain_id}',
    summary: "Make a domain's use an account's, anywhere in the tree",
    access: access('add_domain', 'admin'),
    stability: 'stable',
    status: 204,
  },
  setBook: {
    method: 'PUT',
    path: '/accounts/{account_id}/book',
    summary: 'Say by which book an account pays, or is paid, from an hour on',
    access: access('set_book'),
    stability: 'stable',
    body: exactly({ book_id: Id, from: Type.Optional(Type.String({ format: 'date-time', description: 'The first hour; the current one without. What was invoiced keeps its book' })) }),
    status: 204,
  },
});
