/** Whose projects are, for services of home that count by domain. */
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import { findDomain } from './domains.store.ts';
import { listProjectIdsOf, listProjects } from './projects.store.ts';

/** Unknown ones are left out. */
export async function domainsOfProjects(tx: Transaction, projectIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const projects = await listProjects(tx, [sql`id = any(${projectIds}::text[])`], projectIds.length);
  return new Map(projects.map(({ id, domainId }) => [id, domainId]));
}

export async function projectsOfDomains(tx: Transaction, domainIds: readonly string[]): Promise<string[]> {
  return domainIds.length === 0 ? [] : listProjectIdsOf(tx, domainIds);
}

export async function domainExists(tx: Transaction, id: string): Promise<boolean> {
  return (await findDomain(tx, id)) !== undefined;
}
