/**
 * The providers of whom we are the consumer, asked when it is time: another Intercloud for what it has signed, a plain
 * OpenStack for what its API shows. What comes of it stands with the agreement, by name of who answered.
 */
import type { Client } from '../../contract/client.ts';
import type { metering } from '../../contract/intercloud/metering.ts';
import type { Clock } from '../../kit/clock.ts';
import { boundedFetch } from '../../kit/http/bounded-fetch.ts';
import type { Log } from '../../kit/log.ts';
import type { Database } from '../../kit/postgres/database.ts';
import { findObservation, lastObservation, observedHours, saveObservation, setAsked, takeDue, type AccessRow } from './access.store.ts';
import { opened, renewAccess, type Access, type Seals } from './access.ts';
import { listCounterparts } from './agreements.store.ts';
import { getAgreement, keepObserved, matchHours, rememberKeys, stateOwn, type Agreement, type Peer } from './agreements.ts';
import { exchange, type Exchanged, type Exchanging } from './exchange.ts';
import { observeHour, shownPeer, type ObservedProject } from './observed-meter.ts';
import { Unsound } from './peers.ts';
import { hourMs } from './usage.ts';

/** A provider's cloud, as whoever may make projects there. */
export type ProviderCloud = {
  /** Undefined: its catalog has no such service. */
  metering(): Promise<Client<typeof metering> | undefined>;
  /** The public keys by which it signs now, and by which we do. */
  keys(): Promise<Agreement['keys']>;
  project(id: string): Promise<Omit<ObservedProject, 'id'>>;
};

export type OpenProvider = (access: Access, options: { fetch: typeof fetch; clock: Clock }) => ProviderCloud;

export type Asking = Omit<Exchanging, 'clock'> & {
  clock: Clock;
  database: Database;
  log: Log;
  vault: Seals;
  fetch: typeof fetch;
  openProvider: OpenProvider;
  /** By which we sign. */
  ownKeys: () => Promise<Agreement['keys']>;
};

const scope = { kind: 'system', reason: 'usage is compared with a peer' } as const;
const everyMs = 300_000;
/** What a statement of very many projects comes to, and how long a slow cloud may take for it. */
const bounds = { withinMs: 30_000, mostBytes: 16 * 1024 * 1024 };
const mostKeys = 16;
/** So long after an hour's end what happened in it is to be seen. */
const settledMs = 120_000;

/** Makes what asks all providers that are due, each for itself. */
export function askProviders(asking: Asking): () => Promise<void> {
  const known = new Map<string, { version: number; cloud: ProviderCloud }>();
  const cloudOf = (row: AccessRow): ProviderCloud => {
    const kept = known.get(row.agreementId);
    if (kept?.version === row.version) return kept.cloud;
    const cloud = asking.openProvider(opened(asking.vault, row), { fetch: boundedFetch(asking.fetch, bounds), clock: asking.clock });
    known.set(row.agreementId, { version: row.version, cloud });
    return cloud;
  };
  return async () => {
    const { database, clock, vault } = asking;
    const now = clock.now();
    const due = await database.transaction(scope, async (tx) => {
      await renewAccess(tx, vault);
      return takeDue(tx, { now, againAt: new Date(now.getTime() + everyMs) });
    });
    for (const row of due) {
      const failure = await askOne(asking, row, () => cloudOf(row)).then(failureIn, (error: unknown) => `${row.authUrl} does not do what it should: ${messageOf(error)}`);
      if (failure !== undefined) asking.log.warn({ agreement: row.agreementId, failure }, 'usage could not be compared');
      await database.transaction(scope, (tx) => setAsked(tx, row.agreementId, { at: clock.now(), failure: failure?.slice(0, 2_000) ?? null }));
    }
  };
}

async function askOne(asking: Asking, row: AccessRow, cloud: () => ProviderCloud): Promise<{ agreement: Agreement; failed: Exchanged['failed'] }> {
  const agreement = await asking.database.read(scope, (tx) => getAgreement(tx, row.agreementId));
  const { failed } = row.kind === 'intercloud' ? await askIntercloud(asking, agreement, cloud(), row.soFar) : await watchOpenstack(asking, agreement, cloud(), row.soFar);
  return { agreement, failed };
}

function failureIn({ agreement, failed }: { agreement: Agreement; failed: Exchanged['failed'] }): string | undefined {
  const [first] = failed;
  if (!first) return undefined;
  const more = failed.length > 1 ? ` (and ${failed.length - 1} more hours)` : '';
  return `${agreement.peer}, ${first.hour.toISOString()}: ${messageOf(first.cause)}${more}`;
}

async function askIntercloud(asking: Asking, agreement: Agreement, cloud: ProviderCloud, soFar: boolean): Promise<Exchanged> {
  const client = await cloud.metering();
  if (!client) throw new Unsound(`${agreement.peer} has no service that meters`);
  const [theirs, ours] = [await cloud.keys(), await asking.ownKeys()];
  // Keys are renewed on both sides. Who is let in there with our password tells by which we sign; what it shows us there, to us alone, are its own.
  const isNews = await asking.database.transaction(scope, (tx) => rememberKeys(tx, agreement.id, theirs));
  const params = { agreement_id: agreement.id };
  const shown = new Set((await client.agreements.show({ params })).body.keys.map(({ id }) => id));
  const fresh = ours.filter(({ id }) => !shown.has(id)).slice(0, mostKeys);
  if (fresh.length > 0) await client.agreements.addKeys({ params, body: { keys: fresh } });
  const current = isNews ? await asking.database.read(scope, (tx) => getAgreement(tx, agreement.id)) : agreement;
  return exchange(asking, current, client, { soFar });
}

/** Every hour that is over and was not looked at; the earlier ones as far as its record goes back. */
async function watchOpenstack(asking: Asking, agreement: Agreement, cloud: ProviderCloud, soFar: boolean): Promise<Pick<Exchanged, 'failed'>> {
  const { database, clock, signing } = asking;
  const floor = (ms: number) => Math.floor(ms / hourMs) * hourMs;
  const now = clock.now().getTime();
  const first = Math.max(floor(agreement.createdAt.getTime()), floor(now) - agreement.lateHours * hourMs);
  const { seen, projects } = await database.read(scope, async (tx) => ({
    seen: new Set((await observedHours(tx, agreement.id, new Date(first))).map((hour) => hour.getTime())),
    projects: (await listCounterparts(tx, agreement.id)).filter(({ kind }) => kind === 'project').map(({ peerId }) => peerId),
  }));
  const hours: number[] = [];
  // One that was looked at while it was under way has gone on.
  for (let hour = first; hour + hourMs + settledMs <= now; hour += hourMs) if (!seen.has(hour) || !(await isWhole(database, agreement, hour))) hours.push(hour);
  if (soFar) hours.push(floor(now));
  if (hours.length > 0) {
    const observed = await Promise.all(projects.map(async (id): Promise<ObservedProject> => ({ id, ...(await cloud.project(id)) })));
    for (const at of hours) {
      const [hour, seenAt] = [new Date(at), clock.now()];
      const before = await database.read(scope, (tx) => lastObservation(tx, agreement.id));
      const { statement, things, volumes } = await observeHour(observed, { agreementId: agreement.id, hour, revision: 1, now: seenAt, ...(before ? { before: { at: before.seenAt, volumes: before.volumes } } : {}) });
      await database.transaction(scope, async (tx) => {
        await saveObservation(tx, agreement.id, { hour, seenAt, things, volumes });
        await keepObserved(tx, agreement, { statement, signing, now: seenAt });
      });
      if (at + hourMs > now) await stateOwn(asking, agreement, hour);
    }
  }
  return matchHours(asking, agreement, (hour) => shownIn(database, agreement, hour));
}

async function isWhole(database: Database, { id }: Agreement, hour: number): Promise<boolean> {
  const kept = await database.read(scope, (tx) => findObservation(tx, id, new Date(hour)));
  return kept !== undefined && kept.seenAt.getTime() >= hour + hourMs + settledMs;
}

/** What was shown of that hour when it was looked at. */
function shownIn(database: Database, { id }: Agreement, hour: Date): Peer {
  const shown = async () => {
    const kept = await database.read(scope, (tx) => findObservation(tx, id, hour));
    return shownPeer({ agreement: id, hour: hour.toISOString(), revision: 1 }, kept?.things ?? []);
  };
  return { resources: async (ask) => (await shown()).resources(ask), events: async (ask) => (await shown()).events(ask) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
