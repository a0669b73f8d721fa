import type { Clock } from '../../kit/clock.ts';
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import type { Driver } from '../../drivers/driver.ts';
import type { Finding, Invariant } from '../parts.ts';
import { quotaNames } from '../../contract/network/quotas.ts';
import { countedQuota } from '../quota/quotas.ts';
import { countDirty, overdueMarks, readProjected } from './projection.store.ts';
import { projectionScope } from './projection.ts';
import { resource } from './quotas.ts';

/** How long a change may take until the engine knows it. */
const deadlineMs = 120_000;

export function networkInvariants({ database, driver, clock }: { database: Database; driver: Pick<Driver, 'networks'>; clock: Clock }): Invariant[] {
  const read = <T>(work: (tx: Transaction) => Promise<T>) => database.read(projectionScope, work);
  return [
    {
      id: 'I4',
      title: 'Network quota usage is the count of what exists',
      check: () => read(quotaFindings),
    },
    {
      id: 'I6',
      title: 'The network engine holds exactly the projection of the database',
      async check() {
        const { dirty, projected } = await read(async (tx) => ({ dirty: await countDirty(tx), projected: await readProjected(tx, 'all') }));
        // While changes are on their way the two may differ; whether they take too long is the next one's to say.
        if (dirty > 0) return [];
        const differences = await driver.networks.compare(projected.flatMap((each) => (each.resource ? [each.resource] : [])));
        return differences.map(({ kind, resource: { kind: what, id }, detail }) => ({
          message: `The ${what} ${id} is ${kind} in the network engine: ${detail}`,
          remedy: 'The next reconciliation mends it; if it comes back, look for who else writes to the engine.',
        }));
      },
    },
    {
      id: 'I7',
      title: 'The network engine is told of every change in time',
      async check() {
        const overdue = await read((tx) => overdueMarks(tx, new Date(clock.now().getTime() - deadlineMs)));
        return overdue.map(({ kind, id, dirty_since: since }) => ({
          message: `The network engine has not been told of the ${kind} ${id} since ${since.toISOString()}`,
          remedy: "Look in the worker's log for why the engine refuses it or cannot be reached.",
        }));
      },
    },
    {
      id: 'I9',
      title: 'No address is used twice in a network, and every address is one of its subnet',
      check: () => read(addressFindings),
    },
  ];
}

async function quotaFindings(tx: Transaction): Promise<Finding[]> {
  const counted = await countedQuota(tx, quotaNames.map(resource));
  const there = await tx.rows<{ projectId: string; resource: string; count: number }>`
    select project_id as "projectId", 'network.network' as resource, count(*)::int as count from network.network group by 1
    union all select project_id, 'network.subnet', count(*)::int from network.subnet group by 1
    union all select project_id, 'network.subnetpool', count(*)::int from network.subnet_pool group by 1
    union all select maker_project_id, 'network.rbac_policy', count(*)::int from network.rbac_policy where counted group by 1
    union all select project_id, 'network.port', count(*)::int from network.port where not internal and device_owner <> 'network:distributed' group by 1
    union all select project_id, 'network.router', count(*)::int from network.router group by 1
    union all select project_id, 'network.floatingip', count(*)::int from network.floating_ip group by 1
    union all select project_id, 'network.security_group', count(*)::int from network.security_group group by 1
    union all select project_id, 'network.security_group_rule', count(*)::int from network.security_group_rule group by 1`;
  const key = (each: { projectId: string; resource: string }) => `${each.projectId} ${each.resource}`;
  const used = new Map(counted.map((each) => [key(each), Number(each.used)]));
  const exist = new Map(there.map((each) => [key(each), each.count]));
  return [...new Set([...used.keys(), ...exist.keys()])].flatMap((each) => {
    const [projectId, name] = each.split(' ');
    const [is, should] = [used.get(each) ?? 0, exist.get(each) ?? 0];
    return is === should ? [] : [{ message: `The project ${projectId} is counted ${is} ${name} and has ${should}`, remedy: 'Set the count to what exists, and report how it came about.' }];
  });
}

async function addressFindings(tx: Transaction): Promise<Finding[]> {
  const rows = await tx.rows<{ address: string; network_id: string; port_id: string }>`
    select host(a.address) as address, a.network_id, a.port_id from network.allocation a
    join network.subnet s on s.id = a.subnet_id join network.port p on p.id = a.port_id
    where not a.address <<= s.cidr or s.network_id <> a.network_id or p.network_id <> a.network_id
    union all
    select host(f.floating_ip_address), f.floating_network_id, f.floating_port_id from network.floating_ip f
    where not exists (select from network.allocation a where a.port_id = f.floating_port_id and a.address = f.floating_ip_address and a.network_id = f.floating_network_id)`;
  return rows.map(({ address, network_id: networkId, port_id: portId }) => ({
    message: `The address ${address} of the port ${portId} does not belong to the network ${networkId}`,
    remedy: 'Delete the port and make it again.',
  }));
}
