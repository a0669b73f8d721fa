/** Metering and billing on a database of their own, with their door, and a chain of accounts: for tests. */
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createClient, type Client } from '../../contract/client.ts';
import type { Service } from '../../contract/contract.ts';
import { billing } from '../../contract/intercloud/billing.ts';
import { metering } from '../../contract/intercloud/metering.ts';
import { manualClock, systemRandom, type ManualClock } from '../../kit/clock.ts';
import { nobody, type Caller } from '../../kit/http/caller.ts';
import { createDoor } from '../../kit/http/serve.ts';
import { createLog } from '../../kit/log.ts';
import type { Database } from '../../kit/postgres/database.ts';
import { testDatabase } from '../../kit/postgres/testing.ts';
import { makeSigningKey, signingKeyOf, type SigningKey } from '../../kit/signed.ts';
import { createWorkflows } from '../../kit/workflow/runs.ts';
import { createVault, passingKey } from '../identity/vault.ts';
import { makeMetering } from '../metering/metering.ts';
import type { Asking } from '../metering/providers.ts';
import { takeUsage, type UsageBatch } from '../metering/usage.ts';
import type { HomeParts, Made } from '../parts.ts';
import { makeBilling } from './billing.ts';

export type Party = { accountId: string; billing: Client<typeof billing>; metering: Client<typeof metering> };

export type Span = { project: string; from: string; until: string; resource?: 'server' | 'volume'; flavor?: string; measures?: Record<string, number>; state?: string; id?: string; region?: string };

export type BillingFixture = {
  clock: ManualClock;
  parts: HomeParts;
  database: Database;
  made: readonly Made[];
  /** By which this cloud signs. */
  key: { id: string; publicKey: string };
  signing: () => Promise<SigningKey>;
  operator: Party;
  /** A manager of this domain, whatever account it belongs to. */
  manager(domainId: string, accountId?: string): Party;
  /** Opens an account below, with a domain of this name. */
  open(above: Party, name: string): Promise<Party>;
  /** Sells by this book on the edge below. */
  sell(above: Party, below: Party, book: object): Promise<string>;
  /** Takes these spans as records; projects are named `<domain>/<something>`. */
  use(...spans: Span[]): Promise<void>;
};

const base = 'http://billing.test';
const system = { kind: 'system', reason: 'test' } as const;
const directory = (service: string) => ({ service, directory: fileURLToPath(new URL(`../${service}/schema/`, import.meta.url)) });

export async function startBilling(t: TestContext, { asking }: { asking?: Pick<Asking, 'fetch' | 'openProvider'> } = {}): Promise<BillingFixture> {
  const { database } = await testDatabase(t, { migrations: ['identity', 'federation', 'metering', 'billing'].map(directory) });
  const clock = manualClock(new Date('2026-04-01T00:10:00Z'));
  const log = createLog({ name: 'test', level: 'silent' });
  const parts: HomeParts = { database, clock, random: systemRandom, log, workflows: createWorkflows({ clock, random: systemRandom }) };
  await database.transaction(system, (tx) => tx.run`insert into federation.region (name, first, status, created_at) values ('one', true, 'joined', ${clock.now()}) on conflict do nothing`);
  const key = makeSigningKey(systemRandom);
  const vault = createVault({ ...parts, cloudKeys: [passingKey(systemRandom)] });
  const made = [makeMetering(parts, { signing: () => Promise.resolve(signingKeyOf(key)), vault, ...(asking ? { asking: { ...asking, ownKeys: () => Promise.resolve([{ id: key.id, public_key: key.publicKey }]) } } : {}) }), makeBilling(parts)];
  const door = createDoor({ implementations: made.map(({ implementation }) => implementation!), authenticate: callerOf, clock, random: systemRandom, log, publicUrl: base });
  await door.app.ready();
  t.after(() => door.drain());

  const send: typeof fetch = async (address, init) => {
    const url = new URL(address instanceof Request ? address.url : address);
    const reply = await door.app.inject({ method: (init?.method ?? 'GET') as 'GET', url: `${url.pathname}${url.search}`, headers: init?.headers as Record<string, string>, ...(init?.body == null ? {} : { payload: init.body as unknown as string }) });
    return new Response(reply.statusCode === 204 ? null : new Uint8Array(reply.rawPayload), { status: reply.statusCode, headers: reply.headers as Record<string, string> });
  };
  const client = <S extends Service>(service: S, token: string): Client<S> => createClient<Service>(service, { base, token: () => token, fetch: send }) as unknown as Client<S>;
  const party = (token: string, accountId: string): Party => ({ accountId, billing: client(billing, token), metering: client(metering, token) });
  const operator = party('admin', 'operator');
  const next = new Map<string, number>();

  return {
    clock,
    parts,
    database,
    made,
    key,
    signing: () => Promise.resolve(signingKeyOf(key)),
    operator,
    manager: (domainId, accountId = '') => party(`manager:${domainId}`, accountId),
    async open(above, name) {
      const { id } = (await above.billing.accounts.create({ body: { name } })).body;
      await database.transaction(system, (tx) => tx.run`insert into identity.domain (id, name, description, enabled) values (${name}, ${name}, '', true)`);
      await operator.billing.accounts.addDomain({ params: { account_id: id, domain_id: name } });
      return party(`manager:${name}`, id);
    },
    async sell(above, below, book) {
      const { id } = (await above.billing.books.create({ body: book as never })).body;
      await above.billing.accounts.setBook({ params: { account_id: below.accountId }, body: { book_id: id, from: '2026-03-01T00:00:00Z' } });
      return id;
    },
    async use(...spans) {
      for (const [region, list] of Map.groupBy(spans.flatMap(byHour), (span) => span.region ?? 'one')) {
        const first = next.get(region) ?? 1;
        const batch: UsageBatch = { first, through: clock.now().toISOString(), shapes: list.map(({ resource = 'server', flavor = 'small', measures = { servers: 1 } }) => ({ resource, flavor, measures })), records: list.map(recordOf) };
        // Projects are named after their domains.
        const domainsOf = (_: unknown, ids: readonly string[]) => Promise.resolve(new Map(ids.map((id) => [id, id.split('/')[0]!])));
        next.set(region, await database.transaction(system, (tx) => takeUsage(tx, { region, batch, now: clock.now(), domainsOf })));
      }
    },
  };
}

function callerOf(token: string): Caller | undefined {
  const expiresAt = new Date('2100-01-01T00:00:00Z');
  if (token === 'admin') return { ...nobody, userId: 'admin', isAdmin: true, roles: new Set(['admin', 'manager', 'member', 'reader']), projectId: 'admin', token, expiresAt };
  const [kind, domainId] = token.split(':');
  if (kind === 'manager') return { ...nobody, userId: token, domainId: domainId!, userDomainId: domainId!, roles: new Set(['manager', 'member', 'reader']), token, expiresAt };
  if (kind === 'member') return { ...nobody, userId: token, projectId: domainId!, roles: new Set(['member', 'reader']), token, expiresAt };
  return undefined;
}

const hourMs = 3_600_000;

function byHour(span: Span): Span[] {
  const [from, until] = [Date.parse(span.from), Date.parse(span.until)];
  const spans: Span[] = [];
  for (let at = from; at < until; ) {
    const end = Math.min(until, (Math.floor(at / hourMs) + 1) * hourMs);
    spans.push({ ...span, from: new Date(at).toISOString(), until: new Date(end).toISOString() });
    at = end;
  }
  return spans;
}

function recordOf({ project, from, until, state = 'ACTIVE', id = `${project}-thing` }: Span, shape: number): UsageBatch['records'][number] {
  return { resource_id: id, project_id: project, shape, previous: state, current: null, from, until, event: shape + 1 };
}
