/** Bills of everybody for what was used, computed again by whoever gets them, paid, and added up. */
import { billing } from '../../contract/intercloud/billing.ts';
import { metering } from '../../contract/intercloud/metering.ts';
import { Refused } from '../../contract/client.ts';
import type { Parties, Party } from './parties.ts';
import { until, type Session } from './session.ts';

export type Bill = { seller: string; buyer: string; number: string; total: string; currency: string; lines: number; records: number; identical: boolean; addsUp: boolean; bookKnown: boolean };

/** Of one party, in coins. */
export type Balance = { name: string; got: bigint; paid: bigint; left: bigint; open: bigint };

const hourMs = 3_600_000;

/** All that the meters say of these servers is at home: each has been told to be gone. */
export async function usageTold(admin: Session, { projectId, servers, since }: { projectId: string; /** All that there were, without. */ servers?: ReadonlySet<string>; since: Date }): Promise<number> {
  return until('all regions to have told what was used', async () => {
    const records = await recordsOf(admin, projectId, since);
    const gone = new Set(records.filter(({ current }) => current === null).map(({ resource_id: id }) => id));
    const wanted = servers ?? new Set(records.filter(({ resource }) => resource === 'server').map(({ resource_id: id }) => id));
    return [...wanted].every((id) => gone.has(id)) ? records.length : undefined;
  });
}

/** How long machines were there in a region, as this cloud has metered it. */
export async function machineSeconds(admin: Session, { projectId, region, since }: { projectId: string; region: string; since: Date }): Promise<number> {
  const records = await recordsOf(admin, projectId, since);
  const running = records.filter((each) => each.region === region && each.resource === 'server' && each.previous === 'ACTIVE');
  return running.reduce((sum, { seconds }) => sum + Number(seconds), 0);
}

async function recordsOf(admin: Session, projectId: string, since: Date) {
  const from = new Date(Math.floor(since.getTime() / hourMs) * hourMs).toISOString();
  return (await admin.client(metering).usage.records({ query: { project_id: projectId, from, limit: 10_000 } })).body.records;
}

/** One for each edge of the tree, from below; each side computes it again. */
export async function billAll({ operator, supplier, partner, reseller, customer }: Parties, since: Date): Promise<Bill[]> {
  return [
    await bill(reseller, customer.name, customer.accountId, customer, since),
    await bill(partner, reseller.name, reseller.accountId, reseller, since),
    await bill(operator, partner.name, partner.accountId, partner, since),
    await bill(operator, operator.name, supplier.accountId, operator, since, supplier.name),
  ];
}

async function bill(drafter: Party, buyer: string, accountId: string, payer: Party, since: Date, seller = drafter.name): Promise<Bill> {
  const { invoices } = drafter.manager.client(billing);
  const issued = await until(`the usage of ${buyer} to be whole`, async () => {
    const until = new Date(Math.floor(Date.now() / hourMs + 1) * hourMs);
    try {
      const draft = (await invoices.create({ body: { account_id: accountId, from: new Date(Math.floor(since.getTime() / hourMs) * hourMs).toISOString(), until: until.toISOString(), so_far: true } })).body;
      return (await invoices.issue({ params: { invoice_id: draft.id } })).body;
    } catch (error) {
      // The hour before this one has ended a moment ago.
      if (error instanceof Refused && (error.body as { code?: string } | undefined)?.code === 'usage-incomplete') return undefined;
      throw error;
    }
  }, { seconds: 240 });
  const params = { invoice_id: issued.id };
  const payers = payer.manager.client(billing);
  const replays = await Promise.all([invoices.replay({ params }), payers.invoices.replay({ params })]);
  const known = new Set((await payers.books.list()).body.books.map(({ hash }) => hash));
  if (issued.total !== '0.00') await invoices.pay({ params, body: { amount: issued.total } });
  return {
    seller,
    buyer,
    number: issued.number ?? '',
    total: issued.total,
    currency: issued.currency,
    lines: issued.lines.length,
    records: replays[0].body.records,
    identical: replays.every(({ body }) => body.identical),
    addsUp: issued.lines.reduce((sum, { amount }) => sum + inCoins(amount), 0n) === inCoins(issued.total),
    bookKnown: issued.lines.every(({ book_hash: hash }) => known.has(hash)),
  };
}

/** What the ledgers say of each; the supplier's side of the edge is the operator's, seen from the other end. */
export async function balancesOf(parties: Parties, bills: readonly Bill[]): Promise<Balance[]> {
  const { supplier, ...others } = parties;
  const balances: Balance[] = [];
  for (const party of Object.values(others)) {
    const entries = (await party.manager.client(billing).ledger.balances()).body.balances;
    const sum = (...ledgers: string[]) => entries.filter(({ ledger }) => ledgers.includes(ledger)).reduce((total, { balance }) => total + inCoins(balance), 0n);
    const [cost, revenue] = [sum('cost'), -sum('revenue')];
    if (sum('receivable', 'payable', 'revenue', 'cost', 'cash') !== 0n) throw new Error(`The ledger of ${party.name} does not add up to nothing`);
    balances.push({ name: party.name, got: revenue, paid: cost, left: sum('cash'), open: sum('receivable', 'payable') });
  }
  const rent = bills.filter(({ seller }) => seller === supplier.name).reduce((sum, { total }) => sum + inCoins(total), 0n);
  return [...balances, { name: supplier.name, got: rent, paid: 0n, left: rent, open: 0n }];
}

/** Of a currency of two decimals. */
export function inCoins(amount: string): bigint {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(amount) ?? [];
  if (fraction.slice(2).replaceAll('0', '') !== '') throw new Error(`${amount} is not of whole coins`);
  return BigInt(`${sign}${whole}${fraction.padEnd(2, '0').slice(0, 2)}`);
}

export function fromCoins(coins: bigint): string {
  const digits = String(coins < 0n ? -coins : coins).padStart(3, '0');
  return `${coins < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
