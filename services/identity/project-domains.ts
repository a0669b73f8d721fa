/** Whose projects are, for services of home that count by domain. */
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import { listProjects } from './projects.store.ts';

/** Unknown ones are left out. */
export async function domainsOfProjects(tx: Transaction, projectIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const projects = await listProjects(tx, [sql`id = any(${projectIds}::text[])`], projectIds.length);
  return new Map(projects.map(({ id, domainId }) => [id, domainId]));
}
