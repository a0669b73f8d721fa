/** The account's own books: every entry twice, none ever changed. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Id, Moment } from '../native.ts';

const exactly = <P extends Parameters<typeof Type.Object>[0]>(properties: P) => Type.Object(properties, { additionalProperties: false });
const access = (verb: string) => ({ rule: `intercloud:billing:${verb}`, who: 'manager' }) as const;

export const ledger = operations({
  list: {
    method: 'GET',
    path: '/ledger',
    summary: 'The bookings of the account, the newest first',
    access: access('list_ledger'),
    stability: 'stable',
    query: exactly({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })), before: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })) }),
    status: 200,
    response: exactly({
      bookings: Type.Array(
        exactly({
          id: Type.Integer(),
          at: Moment,
          kind: Type.Enum(['invoice', 'payment', 'settlement']),
          reference: Type.String({ description: 'Of the invoice or the agreement' }),
          entries: Type.Array(exactly({ ledger: Type.String({ description: '`receivable`, `payable`, `revenue`, `cost`, `cash`' }), with_account: Type.String(), currency: Type.String(), amount: Type.String() })),
        }),
      ),
    }),
    list: { after: { invoice: null, settlement: null } },
  },
  settle: {
    method: 'POST',
    path: '/ledger/settlements',
    summary: 'Book what two clouds have agreed was used, beyond what is invoiced and settled; once, however often it is asked for',
    access: access('settle'),
    stability: 'stable',
    body: exactly({ agreement_id: Id, account_id: Type.String({ minLength: 1, maxLength: 64, description: 'Right below: the supplier, or the customer who is the peer' }), from: Moment, until: Moment }),
    status: 200,
    response: exactly({
      currency: Type.String(),
      agreed: Type.String({ description: 'By the counts of both sides; of what is in dispute as much as both say' }),
      invoiced: Type.String(),
      booked: Type.String({ description: 'Now: less than nothing is given back' }),
      open_disputes: Type.Integer(),
    }),
  },
  balances: {
    method: 'GET',
    path: '/ledger/balances',
    summary: 'What stands on each side of the books',
    access: access('list_ledger'),
    stability: 'stable',
    status: 200,
    response: exactly({ balances: Type.Array(exactly({ ledger: Type.String(), with_account: Type.String(), currency: Type.String(), balance: Type.String() })) }),
    list: { after: { invoice: null, settlement: null } },
  },
});
