import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Taggable = 'network' | 'subnet' | 'port' | 'router' | 'floatingip' | 'security_group' | 'subnetpool' | 'trunk' | 'qos_policy';

const tables: Record<Taggable, Sql> = {
  network: sql`network.network`,
  subnet: sql`network.subnet`,
  port: sql`network.port`,
  router: sql`network.router`,
  floatingip: sql`network.floating_ip`,
  security_group: sql`network.security_group`,
  subnetpool: sql`network.subnet_pool`,
  trunk: sql`network.trunk`,
  qos_policy: sql`network.qos_policy`,
};

/** Undefined when it is not ours to change. */
export function lockTags(tx: Transaction, resource: Taggable, id: string): Promise<{ tags: string[]; project_id: string } | undefined> {
  return tx.one(sql`select tags, project_id from ${tables[resource]} where id = ${id} for update`);
}

export async function setTags(tx: Transaction, resource: Taggable, id: string, tags: string[], now: Date): Promise<void> {
  await tx.run(sql`update ${tables[resource]} set tags = ${tags}::text[], revision_number = revision_number + 1, updated_at = ${now} where id = ${id}`);
}
