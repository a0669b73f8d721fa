/** Which regions there are, and where each answers: as the catalog says. */
import { compute } from '../../contract/compute/service.ts';
import { virtualRegion } from '../../contract/virtual.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { catalogFor } from '../identity/catalog.ts';

export type Region = { name: string; /** `http://host:port` */ base: string };

/** In the order of their names; the region that spans all is not one of them. */
export async function listRegions(tx: Transaction): Promise<Region[]> {
  const services = await catalogFor(tx, { projectId: '', userId: '' });
  const endpoints = services.filter(({ type }) => type === compute.type).flatMap(({ endpoints: own }) => own);
  return endpoints
    .filter(({ interface: face, region }) => face === 'internal' && region !== null && region !== virtualRegion)
    .map(({ region, url }) => ({ name: region!, base: url.slice(0, url.indexOf(compute.root)) }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}
