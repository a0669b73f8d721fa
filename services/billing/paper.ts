/** An invoice on paper: the same lines, and the hashes by which each can be computed again. */
import type { Invoice, InvoiceLine } from './invoices.store.ts';
import { dividedHalfEven, moneyOf } from './money.ts';

const margin = 48;
const columns = [
  { title: 'What', x: 48, width: 200, align: 'left' },
  { title: 'Project', x: 252, width: 96, align: 'left' },
  { title: 'Units × hours', x: 352, width: 96, align: 'right' },
  { title: 'Amount', x: 452, width: 96, align: 'right' },
] as const;

export async function invoicePdf(invoice: Invoice, lines: readonly InvoiceLine[]): Promise<Buffer> {
  // 18 packages that only who asks for paper has to load.
  const { default: PDFDocument } = await import('pdfkit');
  const document = new PDFDocument({ size: 'A4', margin, info: { Title: `Invoice ${invoice.number ?? 'draft'}`, Author: invoice.sellerName, CreationDate: invoice.issuedAt ?? invoice.createdAt } });
  const chunks: Buffer[] = [];
  const done = new Promise<void>((resolve, reject) => document.on('data', (chunk: Buffer) => void chunks.push(chunk)).once('end', resolve).once('error', reject));
  let y = margin;
  const write = (text: string, x: number, width: number, align: 'left' | 'right' = 'left') => void document.text(printable(text), x, y, { width, align, lineBreak: false, ellipsis: true, height: 12 });
  const rule = () => void document.lineWidth(0.5).moveTo(margin, y - 3).lineTo(document.page.width - margin, y - 3).stroke();
  const head = () => {
    document.font('Helvetica-Bold').fontSize(8);
    for (const { title, x, width, align } of columns) write(title, x, width, align);
    y += 14;
    rule();
    document.font('Helvetica').fontSize(8);
  };

  document.font('Helvetica-Bold').fontSize(18);
  write(`${invoice.correction ? 'Correction' : 'Invoice'} ${invoice.number ?? '(draft)'}`, margin, 500);
  y += 30;
  document.font('Helvetica').fontSize(10);
  for (const [name, value] of [
    ['From', invoice.sellerName],
    ['To', invoice.buyerName],
    ['Period (UTC)', `${time(invoice.from)} – ${time(invoice.until)}`],
    ['Issued', invoice.issuedAt ? time(invoice.issuedAt) : 'not yet'],
  ] as const) {
    write(name, margin, 90);
    write(value, margin + 96, 400);
    y += 15;
  }
  y += 12;
  head();
  for (const line of lines) {
    if (y > document.page.height - margin - 40) {
      document.addPage();
      y = margin;
      head();
    }
    const cells = [`${line.resource} ${line.flavor} ${line.measure}, ${line.region} (${line.entry})`, line.projectId, moneyOf(dividedHalfEven(line.unitMs * 1_000_000_000n, 3_600_000n)), moneyOf(line.amountNano, invoice.decimals)];
    for (const [index, { x, width, align }] of columns.entries()) write(cells[index] ?? '', x, width, align);
    y += 12;
  }
  y += 6;
  rule();
  document.font('Helvetica-Bold').fontSize(11);
  write(`Total ${moneyOf(invoice.totalNano, invoice.decimals)} ${invoice.currency}`, 300, 248, 'right');
  y += 24;
  document.font('Helvetica').fontSize(7);
  for (const hash of new Set(lines.map(({ bookHash }) => bookHash))) {
    write(`Prices: book ${hash} (SHA-256). Every line can be computed again from the records of use and this book.`, margin, 500);
    y += 10;
  }
  document.end();
  await done;
  return Buffer.concat(chunks);
}

function time(moment: Date): string {
  return moment.toISOString().slice(0, 16).replace('T', ' ');
}

/** The fonts that every reader has know the letters of western Europe only. */
function printable(text: string): string {
  return text.replaceAll(/[^\u0020-\u007e\u00a0-\u00ff–×]/g, '?');
}
