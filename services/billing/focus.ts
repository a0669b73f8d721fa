/** An invoice thing by thing in the columns of FOCUS 1.2 (focus.finops.org), as CSV. Pure; the sum of its rows is the invoice. */
import { dividedHalfEven, moneyOf } from './money.ts';
import type { Invoice, InvoiceLine } from './invoices.store.ts';
import type { BookEntry } from './rating.ts';

/** What one thing has of one line. */
export type Share = { resourceId: string; unitMs: bigint };

export type FocusLine = { line: InvoiceLine; entry: BookEntry; period: { from: Date; until: Date }; shares: readonly Share[] };

/** All columns of the specification, in its order: those that say nothing here are empty. */
export const focusColumns = [
  'AvailabilityZone', 'BilledCost', 'BillingAccountId', 'BillingAccountName', 'BillingAccountType', 'BillingCurrency', 'BillingPeriodEnd', 'BillingPeriodStart', 'CapacityReservationId', 'CapacityReservationStatus',
  'ChargeCategory', 'ChargeClass', 'ChargeDescription', 'ChargeFrequency', 'ChargePeriodEnd', 'ChargePeriodStart', 'CommitmentDiscountCategory', 'CommitmentDiscountId', 'CommitmentDiscountName',
  'CommitmentDiscountQuantity', 'CommitmentDiscountStatus', 'CommitmentDiscountType', 'CommitmentDiscountUnit', 'ConsumedQuantity', 'ConsumedUnit', 'ContractedCost', 'ContractedUnitPrice', 'EffectiveCost',
  'InvoiceId', 'InvoiceIssuerName', 'ListCost', 'ListUnitPrice', 'PricingCategory', 'PricingCurrency', 'PricingCurrencyContractedUnitPrice', 'PricingCurrencyEffectiveCost', 'PricingCurrencyListUnitPrice',
  'PricingQuantity', 'PricingUnit', 'ProviderName', 'PublisherName', 'RegionId', 'RegionName', 'ResourceId', 'ResourceName', 'ResourceType', 'ServiceCategory', 'ServiceName', 'ServiceSubcategory', 'SkuId', 'SkuMeter',
  'SkuPriceDetails', 'SkuPriceId', 'SubAccountId', 'SubAccountName', 'SubAccountType', 'Tags',
] as const;

type Column = (typeof focusColumns)[number];

const services: Record<string, { category: string; name: string; subcategory: string; type: string }> = {
  server: { category: 'Compute', name: 'Compute', subcategory: 'Virtual Machines', type: 'Server' },
  volume: { category: 'Storage', name: 'Block Storage', subcategory: 'Block Storage', type: 'Volume' },
  volume_backup: { category: 'Storage', name: 'Block Storage', subcategory: 'Backup Storage', type: 'Volume Backup' },
  volume_snapshot: { category: 'Storage', name: 'Block Storage', subcategory: 'Backup Storage', type: 'Volume Snapshot' },
  container: { category: 'Storage', name: 'Object Storage', subcategory: 'Object Storage', type: 'Container' },
  image: { category: 'Storage', name: 'Image', subcategory: 'Other (Storage)', type: 'Image' },
  floatingip: { category: 'Networking', name: 'Network', subcategory: 'Network Infrastructure', type: 'Floating IP' },
};

export function focusCsv(invoice: Invoice, lines: readonly FocusLine[]): string {
  const rows = lines.flatMap((each) => rowsOf(invoice, each));
  return [focusColumns.join(','), ...rows.map((row) => focusColumns.map((column) => field(row[column])).join(','))].join('\r\n') + '\r\n';
}

function rowsOf(invoice: Invoice, { line, entry, period, shares }: FocusLine): Partial<Record<Column, string>>[] {
  const service = services[line.resource] ?? { category: 'Other', name: line.resource, subcategory: 'Other (Other)', type: line.resource };
  const per = BigInt(entry.per ?? 1);
  const unit = `${entry.per === undefined ? '' : `${entry.per} `}${line.measure}-Hours`;
  const common: Partial<Record<Column, string>> = {
    BillingAccountId: invoice.buyerId,
    BillingAccountName: invoice.buyerName,
    BillingAccountType: 'Account',
    BillingCurrency: invoice.currency,
    BillingPeriodStart: stamp(invoice.from),
    BillingPeriodEnd: stamp(invoice.until),
    ChargeCategory: 'Usage',
    ...(invoice.correction ? { ChargeClass: 'Correction' } : {}),
    ChargeDescription: `${line.measure} of ${service.type}${line.flavor === '' ? '' : ` ${line.flavor}`} in ${line.region}`,
    ChargeFrequency: 'Usage-Based',
    ChargePeriodStart: stamp(period.from),
    ChargePeriodEnd: stamp(period.until),
    ConsumedUnit: `${line.measure}-Hours`,
    InvoiceId: invoice.number ?? '',
    InvoiceIssuerName: invoice.sellerName,
    PricingCategory: 'Standard',
    PricingCurrency: invoice.currency,
    PricingUnit: unit,
    ProviderName: invoice.sellerName,
    PublisherName: invoice.sellerName,
    RegionId: line.region,
    RegionName: line.region,
    ResourceType: service.type,
    ServiceCategory: service.category,
    ServiceName: service.name,
    ServiceSubcategory: service.subcategory,
    SkuId: line.entry,
    SkuMeter: line.measure,
    SkuPriceDetails: JSON.stringify({ x_BookHash: line.bookHash, ...(line.flavor === '' ? {} : { x_Flavor: line.flavor }) }),
    SkuPriceId: `${line.bookHash.slice(0, 16)}/${line.entry}`,
    SubAccountId: line.projectId,
    SubAccountName: line.projectId,
    SubAccountType: 'Project',
    Tags: '{}',
  };
  const [costs, amounts] = [allocated(line.costNano, shares), allocated(line.amountNano, shares)];
  return shares.map(({ resourceId, unitMs }, index) => {
    const [cost, amount] = [costs[index]!, amounts[index]!];
    const unitPrice = entry.price ?? (unitMs === 0n ? '' : moneyOf(dividedHalfEven(cost * per * 3_600_000n * sign(unitMs), unitMs * sign(unitMs))));
    return {
      ...common,
      BilledCost: moneyOf(amount),
      EffectiveCost: moneyOf(cost),
      ContractedCost: moneyOf(cost),
      ListCost: moneyOf(cost),
      ContractedUnitPrice: unitPrice,
      ListUnitPrice: unitPrice,
      PricingCurrencyContractedUnitPrice: unitPrice,
      PricingCurrencyListUnitPrice: unitPrice,
      PricingCurrencyEffectiveCost: moneyOf(cost),
      ConsumedQuantity: quantity(unitMs, 1n),
      PricingQuantity: quantity(unitMs, per),
      ...(resourceId === '' ? {} : { ResourceId: resourceId, ResourceName: resourceId }),
    };
  });
}

/** By what each used; the parts are the whole. */
export function allocated(whole: bigint, shares: readonly Share[]): bigint[] {
  const total = shares.reduce((sum, { unitMs }) => sum + unitMs, 0n);
  let [used, told] = [0n, 0n];
  return shares.map(({ unitMs }, index) => {
    used += unitMs;
    const upTo = index === shares.length - 1 || total === 0n ? whole : dividedHalfEven(whole * used * sign(total), total * sign(total));
    const part = upTo - told;
    told = upTo;
    return part;
  });
}

/** Hours of what the price is for, to the billionth. */
function quantity(unitMs: bigint, per: bigint): string {
  return moneyOf(dividedHalfEven(unitMs * 1_000_000_000n, per * 3_600_000n));
}

function sign(value: bigint): bigint {
  return value < 0n ? -1n : 1n;
}

function stamp(moment: Date): string {
  return `${moment.toISOString().slice(0, 19)}Z`;
}

/** RFC 4180. A spreadsheet takes what begins like a formula for one, so that such text is quoted as text. */
function field(value: string | undefined): string {
  if (value === undefined) return '';
  const safe = /^[=+@\t\r]/.test(value) || /^-[^0-9]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
