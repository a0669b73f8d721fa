/** What things cost: books of prices, which never change; a new price is a new version. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { MeasuredResource } from '../metering/usage.ts';
import { Currency, Id, Moment, Money, Name } from '../native.ts';

const exactly = <P extends Parameters<typeof Type.Object>[0]>(properties: P) => Type.Object(properties, { additionalProperties: false });

/** Hours of what a price is for, as a decimal text without a fraction. */
const Hours = Type.String({ pattern: '^(0|[1-9][0-9]{0,14})$', description: 'Whole hours of what the price is for' });

/** Of the entries for a measure of a resource the first that fits is taken; what no entry fits costs nothing. */
export const Entry = exactly({
  id: Type.String({ pattern: '^[a-z0-9][a-z0-9.-]{0,62}$', description: 'Names the price on invoices' }),
  resource: MeasuredResource,
  measure: Type.String({ pattern: '^[A-Za-z]{1,32}$', description: '`servers`, `vcpus`, `memoryMiB`, `diskGiB`, `volumes`, `GiB`, …' }),
  flavor: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  region: Type.Optional(Name),
  states: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { minItems: 1, maxItems: 32, description: 'In which states it costs; without, in all but those in which a thing is not there yet or failed' })),
  per: Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 40, description: 'The price is for so many units: 1024 of memoryMiB is a GiB' })),
  price: Type.Optional(Money),
  included: Type.Optional(Hours),
  tiers: Type.Optional(Type.Array(exactly({ up_to: Type.Union([Hours, Type.Null()]), price: Money }), { minItems: 1, maxItems: 16, description: 'Instead of one price: each for what is used up to there in the period, the last without an end' })),
});

const Entries = Type.Array(Entry, { minItems: 1, maxItems: 1_000 });

export const Book = exactly({
  id: Type.String(),
  account_id: Type.String({ description: 'Who sells by it' }),
  name: Type.String(),
  version: Type.Integer(),
  currency: Type.String(),
  decimals: Type.Integer(),
  entries: Type.Array(Entry),
  hash: Type.String({ description: 'SHA-256 of name, version, currency, decimals and entries as canonical JSON' }),
  created_at: Moment,
});

const access = (verb: string) => ({ rule: `intercloud:billing:${verb}`, who: 'manager' }) as const;

export const books = operations({
  list: {
    method: 'GET',
    path: '/books',
    summary: 'The books by which the account sells and by which it buys',
    access: access('list_books'),
    stability: 'stable',
    status: 200,
    response: exactly({ books: Type.Array(Book) }),
    list: { resource: 'book', show: 'show', parameter: 'book_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/books',
    summary: 'Make a book of prices, or the next version of one; or derive one from the book by which the account buys',
    access: access('create_book'),
    stability: 'stable',
    body: exactly({
      name: Name,
      account_id: Type.Optional(Id),
      currency: Type.Optional(Currency),
      decimals: Type.Optional(Type.Integer({ minimum: 0, maximum: 4, description: 'Places of the smallest coin; 2 without' })),
      entries: Type.Optional(Entries),
      margin: Type.Optional(Type.String({ pattern: '^-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,4})?$', description: 'Percent on top of what the account pays itself; instead of entries' })),
    }),
    status: 201,
    response: Book,
  },
  show: { method: 'GET', path: '/books/{book_id}', summary: 'Show a book', access: access('show_book'), stability: 'stable', status: 200, response: Book },
});
