import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { RatedLine } from './rating.ts';

export type Invoice = {
  id: string;
  status: 'draft' | 'issued';
  edgeId: string;
  sellerId: string;
  sellerName: string;
  buyerId: string;
  buyerName: string;
  number: string | null;
  from: Date;
  until: Date;
  currency: string;
  decimals: number;
  totalNano: bigint;
  carriedNano: bigint;
  remainderNano: bigint;
  correction: boolean;
  usageBefore: Record<string, number>;
  createdAt: Date;
  issuedAt: Date | null;
};

export type InvoiceLine = RatedLine & { number: number; bookHash: string; amountNano: bigint };

/** Numbers that are too large for a number come as text. */
type Texts<T> = { [K in keyof T]: T[K] extends bigint ? string : T[K] };

const columns = sql`
  invoice.id, invoice.status, invoice.edge_id as "edgeId", invoice.seller_id as "sellerId", invoice.seller_name as "sellerName", invoice.buyer_id as "buyerId", invoice.buyer_name as "buyerName",
  invoice.number, invoice.from_hour as "from", invoice.until_hour as "until", invoice.currency, invoice.decimals, invoice.total_nano::text as "totalNano", invoice.carried_nano::text as "carriedNano",
  invoice.remainder_nano::text as "remainderNano", invoice.correction, invoice.usage_before as "usageBefore", invoice.created_at as "createdAt", invoice.issued_at as "issuedAt"`;

export async function findInvoice(tx: Transaction, id: string): Promise<Invoice | undefined> {
  const row = await tx.one<Texts<Invoice>>`select ${columns} from billing.invoice invoice where id = ${id}`;
  return row && counted(row);
}

export async function lockInvoice(tx: Transaction, id: string): Promise<Invoice | undefined> {
  const row = await tx.one<Texts<Invoice>>`select ${columns} from billing.invoice invoice where id = ${id} for update`;
  return row && counted(row);
}

/** Of these edges, and drafts only of those that these accounts give. */
export async function listInvoices(tx: Transaction, { edgeIds, drafterId }: { edgeIds: readonly string[]; drafterId: string }): Promise<Invoice[]> {
  const rows = await tx.rows<Texts<Invoice>>`
    select ${columns} from billing.invoice invoice
    where edge_id = any(${edgeIds}::text[]) and (status = 'issued' or edge_id <> ${drafterId})
    order by from_hour desc, created_at desc, id`;
  return rows.map(counted);
}

/** Issued ones of this edge, the oldest first. */
export async function issuedOfEdge(tx: Transaction, edgeId: string): Promise<Invoice[]> {
  const rows = await tx.rows<Texts<Invoice>>`select ${columns} from billing.invoice invoice where edge_id = ${edgeId} and status = 'issued' order by issued_at, number`;
  return rows.map(counted);
}

/** Whoever else drafts on this edge waits. */
export async function lockEdge(tx: Transaction, edgeId: string): Promise<void> {
  await tx.run`select from billing.account where id = ${edgeId} for update`;
}

export async function hasDraft(tx: Transaction, edgeId: string): Promise<boolean> {
  return (await tx.one`select from billing.invoice where edge_id = ${edgeId} and status = 'draft'`) !== undefined;
}

export async function insertInvoice(tx: Transaction, invoice: Invoice, lines: readonly InvoiceLine[]): Promise<void> {
  await tx.run`
    insert into billing.invoice (id, status, edge_id, seller_id, seller_name, buyer_id, buyer_name, from_hour, until_hour, currency, decimals, total_nano, carried_nano, remainder_nano, correction, usage_before, created_at)
    values (${invoice.id}, 'draft', ${invoice.edgeId}, ${invoice.sellerId}, ${invoice.sellerName}, ${invoice.buyerId}, ${invoice.buyerName}, ${invoice.from}, ${invoice.until}, ${invoice.currency}, ${invoice.decimals},
      ${String(invoice.totalNano)}, ${String(invoice.carriedNano)}, ${String(invoice.remainderNano)}, ${invoice.correction}, ${sql.json(invoice.usageBefore)}, ${invoice.createdAt})`;
  const column = (of: (line: InvoiceLine) => string | number) => lines.map(of);
  await tx.run`
    insert into billing.invoice_line (invoice_id, number, entry, book_hash, region, project_id, resource, flavor, measure, unit_ms, cost_nano, amount_nano)
    select ${invoice.id}, * from unnest(
      ${column(({ number }) => number)}::int[], ${column(({ entry }) => entry)}::text[], ${column(({ bookHash }) => bookHash)}::text[], ${column(({ region }) => region)}::text[],
      ${column(({ projectId }) => projectId)}::text[], ${column(({ resource }) => resource)}::text[], ${column(({ flavor }) => flavor)}::text[], ${column(({ measure }) => measure)}::text[],
      ${column(({ unitMs }) => String(unitMs))}::numeric[], ${column(({ costNano }) => String(costNano))}::numeric[], ${column(({ amountNano }) => String(amountNano))}::numeric[])`;
}

export async function linesOf(tx: Transaction, invoiceIds: readonly string[]): Promise<(InvoiceLine & { invoiceId: string })[]> {
  const rows = await tx.rows<Texts<InvoiceLine> & { invoiceId: string }>`
    select invoice_id as "invoiceId", number, entry, book_hash as "bookHash", region, project_id as "projectId", resource, flavor, measure,
      unit_ms::text as "unitMs", cost_nano::text as "costNano", amount_nano::text as "amountNano"
    from billing.invoice_line where invoice_id = any(${invoiceIds}::text[]) order by invoice_id, number`;
  return rows.map((row) => ({ ...row, unitMs: BigInt(row.unitMs), costNano: BigInt(row.costNano), amountNano: BigInt(row.amountNano) }));
}

export async function deleteDraft(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from billing.invoice_line where invoice_id = ${id}`;
  await tx.run`delete from billing.invoice where id = ${id}`;
}

export async function setIssued(tx: Transaction, id: string, { number, at }: { number: string; at: Date }): Promise<void> {
  await tx.run`update billing.invoice set status = 'issued', number = ${number}, issued_at = ${at} where id = ${id}`;
}

/** Until when the edge is invoiced. */
export async function invoicedUntil(tx: Transaction, edgeId: string): Promise<Date | null> {
  const row = await tx.one<{ until: Date | null }>`select max(until_hour) as until from billing.invoice where edge_id = ${edgeId}`;
  return row?.until ?? null;
}

function counted(row: Texts<Invoice>): Invoice {
  return { ...row, totalNano: BigInt(row.totalNano), carriedNano: BigInt(row.carriedNano), remainderNano: BigInt(row.remainderNano) };
}
