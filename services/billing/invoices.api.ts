/** The door of invoices. */
import { Readable } from 'node:stream';
import { invoices as contract } from '../../contract/intercloud/billing/invoices.ts';
import { conflict } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { focusCsv } from './focus.ts';
import { focusLines } from './focus-lines.ts';
import { discardInvoice, draftInvoice, getInvoice, issueInvoice, listInvoices, payInvoice, replayInvoice, type Invoice, type InvoiceLine } from './invoices.ts';
import { momentOf } from './moments.ts';
import { moneyOf, nanosOf } from './money.ts';
import { invoicePdf } from './paper.ts';

export const invoices = implement(contract, {
  list: async (request) => ({ invoices: (await listInvoices(request, request.query.account_id)).map(header) }),
  async create(request) {
    const { account_id: accountId, from, until, so_far: soFar = false } = request.body;
    const { id } = await draftInvoice(request, request.random, { accountId, from: momentOf(from), until: momentOf(until), soFar });
    return shown(await getInvoice(request, id));
  },
  show: async (request) => shown(await getInvoice(request, request.params.invoice_id)),
  async discard(request) {
    await discardInvoice(request, request.params.invoice_id);
  },
  async issue(request) {
    await issueInvoice(request, request.params.invoice_id);
    return shown(await getInvoice(request, request.params.invoice_id));
  },
  async pay(request) {
    await payInvoice(request, request.params.invoice_id, nanosOf(request.body.amount));
  },
  replay: (request) => replayInvoice(request, request.params.invoice_id),
  async pdf(request) {
    const { invoice, lines } = await getInvoice(request, request.params.invoice_id);
    return bytes(await invoicePdf(invoice, lines), 'application/pdf', fileName(invoice, 'pdf'));
  },
  async focus(request) {
    const { invoice, lines } = await getInvoice(request, request.params.invoice_id);
    const csv = focusCsv(invoice, await focusLines(request.tx, invoice, lines));
    return bytes(Buffer.from(csv), 'text/csv; charset=utf-8', fileName(invoice, 'csv'));
  },
});

function bytes(content: Buffer, type: string, name: string): Answer<AsyncIterable<Uint8Array>> {
  return new Answer(Readable.from([content]), { headers: { 'content-type': type, 'content-length': String(content.length), 'content-disposition': `attachment; filename="${name}"` } });
}

function fileName({ number }: Invoice, ending: string): string {
  if (number === null) throw conflict('A draft is not given out: issue it first');
  return `invoice-${number}.${ending}`;
}

function shown({ invoice, lines }: { invoice: Invoice; lines: InvoiceLine[] }) {
  return { ...header(invoice), usage_before: invoice.usageBefore, lines: lines.map((line) => shownLine(line, invoice.decimals)) };
}

function header(invoice: Invoice) {
  const { id, number, status, sellerId, sellerName, buyerId, buyerName, from, until, currency, decimals, totalNano, carriedNano, remainderNano, correction, createdAt, issuedAt } = invoice;
  return {
    id,
    number,
    status,
    seller_id: sellerId,
    seller_name: sellerName,
    buyer_id: buyerId,
    buyer_name: buyerName,
    from: from.toISOString(),
    until: until.toISOString(),
    currency,
    decimals,
    total: moneyOf(totalNano, decimals),
    carried: moneyOf(carriedNano),
    remainder: moneyOf(remainderNano),
    correction,
    created_at: createdAt.toISOString(),
    issued_at: issuedAt?.toISOString() ?? null,
  };
}

function shownLine({ number, entry, bookHash, region, projectId, resource, flavor, measure, unitMs, costNano, amountNano }: InvoiceLine, decimals: number) {
  return { number, entry, book_hash: bookHash, region, project_id: projectId, resource, flavor, measure, unit_ms: String(unitMs), cost: moneyOf(costNano), amount: moneyOf(amountNano, decimals) };
}
