/** Bills between two accounts that are next to each other: drafts, then issued for ever. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Id, Moment } from '../native.ts';

const exactly = <P extends Parameters<typeof Type.Object>[0]>(properties: P) => Type.Object(properties, { additionalProperties: false });

export const Line = exactly({
  number: Type.Integer(),
  entry: Type.String({ description: 'The price in the book' }),
  book_hash: Type.String(),
  region: Type.String(),
  project_id: Type.String(),
  resource: Type.String(),
  flavor: Type.String(),
  measure: Type.String(),
  unit_ms: Type.String({ description: 'Units of the measure times milliseconds: what was used, exactly' }),
  cost: Type.String({ description: 'To the billionth of the currency, before rounding' }),
  amount: Type.String({ description: 'In whole coins; what is lost in one line is in the next' }),
});

const header = {
  id: Type.String(),
  number: Type.Union([Type.String(), Type.Null()], { description: "The seller's own, without a gap; null while it is a draft" }),
  status: Type.Enum(['draft', 'issued']),
  seller_id: Type.String(),
  seller_name: Type.String(),
  buyer_id: Type.String(),
  buyer_name: Type.String(),
  from: Moment,
  until: Moment,
  currency: Type.String(),
  decimals: Type.Integer(),
  total: Type.String(),
  carried: Type.String({ description: 'What the invoice before lost in rounding' }),
  remainder: Type.String({ description: 'What this one lost in rounding, for the next' }),
  correction: Type.Boolean({ description: 'It only says what has changed since the period was invoiced before' }),
  created_at: Moment,
  issued_at: Type.Union([Moment, Type.Null()]),
};

const Header = exactly(header);
export const Invoice = exactly({ ...header, lines: Type.Array(Line), usage_before: Type.Record(Type.String(), Type.Integer(), { description: 'By region, the first record that does not count' }) });

const access = (verb: string) => ({ rule: `intercloud:billing:${verb}`, who: 'manager' }) as const;

export const invoices = operations({
  list: {
    method: 'GET',
    path: '/invoices',
    summary: 'The invoices that the account gets and gives; drafts are seen by who gives them',
    access: access('list_invoices'),
    stability: 'stable',
    query: exactly({ account_id: Type.Optional(Id) }),
    status: 200,
    response: exactly({ invoices: Type.Array(Header) }),
    list: { resource: 'invoice', show: 'show', parameter: 'invoice_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/invoices',
    summary: 'Draft the invoice between the caller and an account directly below for whole hours; where they were invoiced before, what has changed since',
    access: access('create_invoice'),
    stability: 'stable',
    body: exactly({ account_id: Id, from: Moment, until: Moment, so_far: Type.Optional(Type.Boolean({ description: 'The last hour is not over: what is told of it by now counts, and what is told later is in a correction' })) }),
    status: 201,
    response: Invoice,
  },
  show: { method: 'GET', path: '/invoices/{invoice_id}', summary: 'Show an invoice with its lines', access: access('show_invoice'), stability: 'stable', status: 200, response: Invoice },
  discard: { method: 'DELETE', path: '/invoices/{invoice_id}', summary: 'Throw a draft away', access: access('discard_invoice'), stability: 'stable', status: 204 },
  issue: { method: 'POST', path: '/invoices/{invoice_id}/issue', summary: 'Issue a draft: it gets its number, goes into both ledgers and never changes again', access: access('issue_invoice'), stability: 'stable', status: 200, response: Invoice },
  pay: { method: 'POST', path: '/invoices/{invoice_id}/payments', summary: 'Note that money came for an invoice, as the one who gets it', access: access('pay_invoice'), stability: 'stable', body: exactly({ amount: Type.String({ pattern: '^(0|[1-9][0-9]{0,14})(\\.[0-9]{1,4})?$' }) }), status: 204 },
  replay: {
    method: 'GET',
    path: '/invoices/{invoice_id}/replay',
    summary: 'Compute every line again from the records and the books, and say whether it is the same',
    access: access('replay_invoice'),
    stability: 'stable',
    status: 200,
    response: exactly({
      identical: Type.Boolean(),
      records: Type.Integer({ description: 'How many records were read' }),
      differences: Type.Array(exactly({ line: Type.String(), invoiced: Type.Union([Type.String(), Type.Null()]), computed: Type.Union([Type.String(), Type.Null()]) })),
    }),
  },
  pdf: { method: 'GET', path: '/invoices/{invoice_id}/pdf', summary: 'An issued invoice on paper', access: access('show_invoice'), stability: 'stable', status: 200, response: 'stream' },
  focus: { method: 'GET', path: '/invoices/{invoice_id}/focus', summary: 'An issued invoice thing by thing, as CSV of FOCUS 1.2', access: access('show_invoice'), stability: 'stable', status: 200, response: 'stream' },
});
