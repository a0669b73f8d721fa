/** Real things of metering and billing, made through the API: for generated requests (things.ts, bodies.ts, preparations.ts). */
import { makeSigningKey, signDocument, signingKeyOf, type Plain } from '../kit/signed.ts';
import { systemRandom } from '../kit/clock.ts';
import { billing } from '../contract/intercloud/billing.ts';
import { metering } from '../contract/intercloud/metering.ts';
import type { Operations } from '../contract/contract.ts';
import type { Person, TestCloud } from './cloud.ts';

type Making = { cloud: TestCloud; admin: Person; get(name: string): Promise<string>; unique: () => string };
type Things = { get(name: never): Promise<string> };

const hourMs = 3_600_000;
/** The peer of every agreement in these tests. */
const peer = makeSigningKey(systemRandom);

const hourAgo = ({ clock }: TestCloud, hours: number) => new Date((Math.floor(clock.now().getTime() / hourMs) - hours) * hourMs).toISOString();

export const billingMakers = {
  'billing account': async ({ admin, unique }: Making) => (await admin.billing.accounts.create({ body: { name: unique() } })).body.id,
  book: async ({ admin, unique }: Making) => (await admin.billing.books.create({ body: { name: unique(), currency: 'EUR', entries: [{ id: 'server', resource: 'server', measure: 'servers', price: '0.1' }] } })).body.id,
  'draft invoice': async (making: Making) => draft(making),
  'issued invoice': async (making: Making) => (await making.admin.billing.invoices.issue({ params: { invoice_id: await draft(making) } })).body.id,
  budget: async ({ admin, unique }: Making) => (await admin.billing.budgets.create({ body: { name: unique(), currency: 'EUR', amount: '10' } })).body.id,
  'region that tells': async ({ admin, cloud, get }: Making) => {
    const region = await get('federation region');
    await admin.metering.usage.put({ params: { region }, body: { first: 1, through: new Date(cloud.clock.now().getTime() + 2 * hourMs).toISOString(), shapes: [], records: [] } });
    return region;
  },
  agreement: async ({ admin, get }: Making) =>
    (
      await admin.metering.agreements.create({
        body: { role: 'provider', peer: 'partner', region: await get('region that tells'), domain_id: await get('domain'), keys: [{ id: peer.id, public_key: peer.publicKey }], tolerance_seconds: 0, late_hours: 24, book_hash: '' },
      })
    ).body.id,
  'agreement as consumer': async (making: Making) => consumed(making),
  'asked agreement': async (making: Making) => {
    const agreement_id = await consumed(making);
    await making.admin.metering.agreements.setAccess({ params: { agreement_id }, body: access });
    return agreement_id;
  },
  'stated hour': async ({ cloud, get }: Making) => {
    const hour = hourAgo(cloud, 0);
    await get('agreement');
    // What is stated is stated once a minute.
    if ('advance' in cloud.clock) (cloud.clock as { advance(ms: number): void }).advance(61_000);
    await cloud.settle();
    return hour;
  },
  dispute: async ({ cloud, admin, get }: Making) => {
    const agreement_id = await get('agreement');
    const params = { agreement_id, hour: hourAgo(cloud, 0) };
    for (const book_hash of ['one', 'other']) await admin.metering.statements.take({ params, body: statement(cloud, params, { level: 'hour', book_hash, rows: [] }) as never });
    return (await admin.metering.disputes.list({ query: { agreement_id } })).body.disputes[0]?.id ?? '';
  },
};

/** Of somebody who does not answer. */
const access = { kind: 'intercloud' as const, auth_url: 'http://theirs.example/identity', region: 'RegionOne', domain_id: 'default', user: 'us', user_domain: 'Default', project: null, password: 'secret' };

async function consumed({ admin, get }: Making): Promise<string> {
  const terms = { role: 'consumer' as const, peer: 'partner', domain_id: null, keys: [], tolerance_seconds: 0, late_hours: 24, book_hash: '' };
  return (await admin.metering.agreements.create({ body: { ...terms, region: await get('region that tells') } })).body.id;
}

async function draft({ cloud, admin, get, unique }: Making): Promise<string> {
  const { id: account_id } = (await admin.billing.accounts.create({ body: { name: unique() } })).body;
  await admin.billing.accounts.setBook({ params: { account_id }, body: { book_id: await get('book'), from: hourAgo(cloud, 9) } });
  return (await admin.billing.invoices.create({ body: { account_id, from: hourAgo(cloud, 8), until: hourAgo(cloud, 7) } })).body.id;
}

/** Signed by the peer. */
function statement(cloud: TestCloud, { agreement_id: agreement, hour }: { agreement_id: string; hour: string }, more: object): object {
  const now = cloud.clock.now();
  return signDocument({ agreement, hour, revision: 1, ...more } as Plain, signingKeyOf(peer), { issuedAt: now, expiresAt: new Date(now.getTime() + 24 * hourMs) });
}

export const billingPaths = {
  'intercloud-metering /regions/': 'federation region',
  'intercloud-metering /agreements/': 'agreement',
  'intercloud-metering /agreements/{agreement_id}/hours/': 'stated hour',
  'intercloud-metering /disputes/': 'dispute',
  'intercloud-billing /accounts/': 'billing account',
  'intercloud-billing /accounts/{account_id}/domains/': 'domain',
  'intercloud-billing /books/': 'book',
  'intercloud-billing /invoices/': 'issued invoice',
  'intercloud-billing /budgets/': 'budget',
} as const;

export const billingSpecials = { 'intercloud-billing.invoices.issue': { invoice_id: 'draft invoice' }, 'intercloud-billing.invoices.discard': { invoice_id: 'draft invoice' }, 'intercloud-metering.agreements.setAccess': { agreement_id: 'agreement as consumer' }, 'intercloud-metering.agreements.removeAccess': { agreement_id: 'asked agreement' }, 'intercloud-metering.agreements.compare': { agreement_id: 'asked agreement' } } as const;

export const billingBodies = {
  'intercloud-billing.accounts.setBook': async (things: Things) => ({ book_id: await things.get('book' as never) }),
  'intercloud-metering.usage.put': async () => ({ first: 1, through: '2100-01-01T00:00:00Z', shapes: [], records: [] }),
  'intercloud-metering.agreements.setAccess': async () => access,
  'intercloud-metering.agreements.addKeys': async () => ({ keys: [{ id: peer.id, public_key: peer.publicKey }] }),
  'intercloud-billing.books.create': async () => ({ name: 'prices', currency: 'EUR', entries: [{ id: 'server', resource: 'server', measure: 'servers', price: '0.1' }] }),
};

type Prepared = Record<string, { by: 'admin'; body?: (cloud: TestCloud, things: Things) => Promise<unknown>; refused?: { status: number; because: string } }>;

/** Bills are for managers of an account, as which the administrator acts for the operator; peers are asked for by nobody else here. */
export const billingPreparations: Prepared = {
  ...Object.fromEntries(Object.entries(billing.nouns).flatMap(([noun, operations]) => Object.entries(operations as Operations).flatMap(([name]) => [[`${billing.type}.${noun}.${name}`, { by: 'admin' as const }]]))),
  ...Object.fromEntries(['show', 'addKeys'].map((name) => [`${metering.type}.agreements.${name}`, { by: 'admin' as const }])),
  ...Object.fromEntries(Object.keys(metering.nouns.statements).map((name) => [`${metering.type}.statements.${name}`, { by: 'admin' as const }])),
  'intercloud-billing.invoices.create': {
    by: 'admin',
    async body(cloud, things) {
      const account_id = await things.get('billing account' as never);
      await cloud.admin.billing.accounts.setBook({ params: { account_id }, body: { book_id: await things.get('book' as never), from: hourAgo(cloud, 9) } });
      return { account_id, from: hourAgo(cloud, 8), until: hourAgo(cloud, 7) };
    },
  },
  'intercloud-billing.ledger.settle': {
    by: 'admin',
    body: async (cloud, things) => ({ agreement_id: await things.get('agreement' as never), account_id: await things.get('billing account' as never), from: hourAgo(cloud, 8), until: hourAgo(cloud, 7) }),
    refused: { status: 409, because: 'two clouds are needed to compare an hour; that is tried in services/metering/agreements.test.ts' },
  },
  'intercloud-metering.statements.take': { by: 'admin', body: async (cloud, things) => statement(cloud, { agreement_id: await things.get('agreement' as never), hour: await things.get('stated hour' as never) }, { level: 'hour', book_hash: '', rows: [] }) },
  'intercloud-metering.statements.accept': { by: 'admin', body: async (cloud, things) => statement(cloud, { agreement_id: await things.get('agreement' as never), hour: await things.get('stated hour' as never) }, { level: 'accepted', rows: [], disputes: [] }) },
};
