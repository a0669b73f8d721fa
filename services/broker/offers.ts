/** What each region is to a project: ours or a partner's, what it was proved to do, and what things cost there by its account's book. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { standingsNow } from '../admission/profiles.ts';
import { capabilityNames } from '../admission/probes.ts';
import { regionsOffered } from '../brand/brands.ts';
import { bookOfDomain } from '../billing/books.ts';
import { rate, type BookEntry } from '../billing/rating.ts';
import { listRegions } from '../federation/regions.ts';
import { domainsOfProjects } from '../identity/project-domains.ts';
import type { Machines, Offer } from './candidates.ts';
import { listLabels } from './labels.store.ts';

const hourMs = 3_600_000;
/** Of whoever has no book: it costs nothing, and says so. */
const free = { currency: 'XXX', hash: '', entries: [] as BookEntry[] };

export async function offersFor(tx: Transaction, projectId: string, now: Date): Promise<ReadonlyMap<string, Offer>> {
  const [places, standings, labels] = [await listRegions({ tx }), await standingsNow(tx, now), await listLabels(tx)];
  const domainId = (await domainsOfProjects(tx, [projectId])).get(projectId);
  const book = (domainId === undefined ? undefined : await bookOfDomain(tx, domainId, now)) ?? free;
  const offered = await regionsOffered(tx, domainId);
  const price = pricer(book.entries);
  return new Map(
    places.filter(({ name }) => offered === null || offered.has(name)).map(({ name, driver }) => {
      const kind = driver === 'openstack' ? ('partner' as const) : ('own' as const);
      // Our own regions are watched by doctor; a partner's has to prove what it does.
      const standing = kind === 'own' ? { proved: [...capabilityNames], troubles: {} } : (standings.get(name) ?? { proved: [], troubles: {} });
      return [name, { kind, labels: labels.get(name) ?? {}, capabilities: standing.proved, troubles: standing.troubles, currency: book.currency, bookHash: book.hash, hourlyOf: (machines: Machines) => price(name, machines) }];
    }),
  );
}

/** Regions that the book does not name cost the same, which is reckoned once. */
function pricer(entries: readonly BookEntry[]): (region: string, machines: Machines) => bigint {
  const named = new Set(entries.flatMap(({ region }) => region ?? []));
  const known = new Map<string, bigint>();
  return (region, { flavor, vcpus, memoryMiB, diskGiB, count }) => {
    const place = named.has(region) ? region : '';
    const key = `${place}\0${flavor}\0${vcpus}\0${memoryMiB}\0${diskGiB}\0${count}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const measures = { servers: count, vcpus: vcpus * count, memoryMiB: memoryMiB * count, diskGiB: diskGiB * count };
    const lines = rate([{ region: place, projectId: '', resource: 'server', flavor, state: 'ACTIVE', measures, durationMs: hourMs }], entries);
    const hourly = lines.reduce((sum, { costNano }) => sum + costNano, 0n);
    known.set(key, hourly);
    return hourly;
  };
}
