/** Which regions there are, and where each answers. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { listRegions as listPlaces } from '../federation/regions.ts';

export type Region = { name: string; /** `http://host:port` */ base: string };

/** Those that have joined, in the order of their names. */
export async function listRegions(tx: Transaction): Promise<Region[]> {
  const places = await listPlaces({ tx });
  return places.flatMap(({ name, url }) => (url === null ? [] : [{ name, base: url }])).sort((one, other) => (one.name < other.name ? -1 : 1));
}
