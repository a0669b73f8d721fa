/** Metering and billing at a running cloud: how fast records are taken, and how long a month of them takes to be billed. */
import type { Endpoint } from './endpoint.ts';
import type { Worked } from './processors.ts';

export type UsageMeasured = {
  records: number;
  /** By the clock on the wall, one sender after another. */
  perSecond: number;
  /** By what the API and PostgreSQL have worked for it. */
  perCoreSecond: number;
  billedSeconds: number;
  replayedSeconds: number;
  lines: number;
};

const batchSize = 5_000;
const hourMs = 3_600_000;
const flavors = ['nano', 'small', 'medium', 'large', 'huge'];
const shapes = flavors.map((flavor, index) => ({ resource: 'server', flavor, measures: { servers: 1, vcpus: 2 ** index, memoryMiB: 1_024 * 2 ** index, diskGiB: 10 * 2 ** index } }));

export async function measureUsage({ ask }: Endpoint, { records, worked, say }: { records: number; /** By what works for it. */ worked: Worked; say: (line: string) => void }): Promise<UsageMeasured> {
  const region = `bench-${process.pid}`;
  await ask('intercloud-federation', 'POST', '/regions', { name: region });
  const end = Math.floor(Date.now() / hourMs) * hourMs;
  let [sent, wallMs, cpuSeconds] = [0, 0, 0];
  while (sent < records) {
    const body = batch(sent, end);
    const [begun, before] = [performance.now(), worked()];
    await ask('intercloud-metering', 'PUT', `/regions/${region}/usage`, body);
    wallMs += performance.now() - begun;
    cpuSeconds += worked() - before;
    sent += batchSize;
    if (sent % 200_000 === 0) say(`${sent} records of usage are taken`);
  }
  say(`billing ${sent} records`);
  const { body: account } = await ask<{ id: string }>('intercloud-billing', 'POST', '/accounts', { name: region, kind: 'supplier', regions: [region] });
  const { body: book } = await ask<{ id: string }>('intercloud-billing', 'POST', '/books', { name: region, account_id: account.id, currency: 'EUR', entries });
  const period = { from: new Date(end - hoursOfMonth * hourMs).toISOString(), until: new Date(end).toISOString() };
  await ask('intercloud-billing', 'PUT', `/accounts/${account.id}/book`, { book_id: book.id, from: period.from });
  const begun = performance.now();
  const { body: draft } = await ask<{ id: string; lines: unknown[] }>('intercloud-billing', 'POST', '/invoices', { account_id: account.id, ...period });
  await ask('intercloud-billing', 'POST', `/invoices/${draft.id}/issue`);
  const billedSeconds = (performance.now() - begun) / 1_000;
  say('computing the invoice again from its records');
  const again = performance.now();
  const { body: replay } = await ask<{ identical: boolean; records: number }>('intercloud-billing', 'GET', `/invoices/${draft.id}/replay`);
  if (!replay.identical || replay.records !== sent) throw new Error(`The invoice cannot be computed again: ${JSON.stringify(replay).slice(0, 300)}`);
  return { records: sent, perSecond: (sent / wallMs) * 1_000, perCoreSecond: sent / cpuSeconds, billedSeconds, replayedSeconds: (performance.now() - again) / 1_000, lines: draft.lines.length };
}

const hoursOfMonth = 31 * 24;
const entries = [
  { id: 'server', resource: 'server', measure: 'servers', price: '0.001' },
  { id: 'vcpu', resource: 'server', measure: 'vcpus', tiers: [{ up_to: '100000', price: '0.0123' }, { up_to: null, price: '0.01' }] },
  { id: 'memory', resource: 'server', measure: 'memoryMiB', per: 1_024, price: '0.004' },
  { id: 'disk', resource: 'server', measure: 'diskGiB', included: '1000', price: '0.0001' },
];

/** The hours of so many servers in a hundred projects, spread over a month. */
function batch(sent: number, end: number): object {
  const records = Array.from({ length: batchSize }, (_, index) => {
    const number = sent + index;
    const hour = end - (1 + (Math.floor(number / 500) % hoursOfMonth)) * hourMs;
    return {
      resource_id: `6f1e2d3c-4b5a-4678-9abc-${String(number % 50_000).padStart(12, '0')}`,
      project_id: `0123456789abcdef0123456789ab${String(number % 100).padStart(4, '0')}`,
      shape: number % shapes.length,
      previous: 'ACTIVE',
      current: 'ACTIVE',
      from: new Date(hour).toISOString(),
      until: new Date(hour + hourMs).toISOString(),
      event: null,
    };
  });
  return { first: sent + 1, through: new Date(end).toISOString(), shapes, records };
}
