import { sql, type Transaction } from '../../kit/postgres/database.ts';

const tables = {
  network: sql`network.network`,
  subnet: sql`network.subnet`,
  port: sql`network.port`,
  router: sql`network.router`,
  floatingip: sql`network.floating_ip`,
  security_group: sql`network.security_group`,
  security_group_rule: sql`network.security_group_rule`,
  subnetpool: sql`network.subnet_pool`,
  address_group: sql`network.address_group`,
  policy: sql`network.qos_policy`,
  trunk: sql`network.trunk`,
  log: sql`network.log`,
  local_ip: sql`network.local_ip`,
};

export type Revised = keyof typeof tables;

/** Held until the end of the transaction; undefined when it is not ours to change. */
export function lockRevision(tx: Transaction, resource: Revised, id: string): Promise<{ revision_number: number } | undefined> {
  return tx.one(sql`select revision_number from ${tables[resource]} where id = ${id} for update`);
}
