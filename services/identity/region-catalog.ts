/** The regions of this cloud in its one catalog. */
import type { Service } from '../../contract/contract.ts';
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { HomeParts } from '../parts.ts';
import { deleteEndpoint, deleteRegion, ensureOwnEndpoint, findRegion, findServiceByType, insertRegion, insertService, listEndpoints, type Interface } from './catalog.store.ts';
import { newId } from './parts.ts';

const interfaces: Interface[] = ['admin', 'internal', 'public'];

export type Served = Pick<Service, 'type' | 'name' | 'title' | 'catalogPath'> & { /** `http://host:port` */ base: string };

/** Where the services are that clients find in a region, at their present addresses. */
export async function ensureRegionInCatalog(parts: Pick<HomeParts, 'random'>, tx: Transaction, { region, services }: { region: string; services: readonly Served[] }): Promise<void> {
  if (!(await findRegion(tx, region))) await insertRegion(tx, { id: region, description: '', parentRegionId: null, extra: {} });
  for (const { type, name, title, catalogPath, base } of services) {
    const service = (await findServiceByType(tx, type, name)) ?? { id: newId(parts), type, name, description: title, enabled: true, extra: {}, isNew: true };
    if ('isNew' in service) await insertService(tx, service);
    const url = base.replace(/\/+$/, '') + catalogPath.replaceAll('{project_id}', '$(project_id)s');
    for (const each of interfaces) await ensureOwnEndpoint(tx, { id: newId(parts), serviceId: service.id, regionId: region, interface: each, url });
  }
}

/** With its endpoints, whoever made them. */
export async function removeRegionFromCatalog(tx: Transaction, region: string): Promise<void> {
  for (const { id } of await listEndpoints(tx, [sql`region_id = ${region}`], 10_000)) await deleteEndpoint(tx, id);
  await deleteRegion(tx, region);
}
