/**
 * What the database says and what the hosts, or a partner's cloud, have: the difference in both directions. What is only there
 * has no row here, and so no event, no usage and no line of a bill.
 */
import type { Quarantined } from '../../drivers/driver.ts';
import { listExpectedMachines } from '../compute/expected-machines.ts';
import type { RegionParts } from '../parts.ts';
import { listExpectedVolumes } from '../volume/expected-volumes.ts';

export type Missing = { kind: 'server' | 'volume'; id: string };
export type Differences = { /** Only there. */ there: Quarantined[]; /** Only here. */ here: Missing[] };

const scope = { kind: 'system', reason: 'what is here is compared with what is there' } as const;

export async function findDifferences({ database, driver }: Pick<RegionParts, 'database' | 'driver'>): Promise<Differences> {
  const expected = () =>
    database.read(scope, async (tx) => {
      const [servers, volumes] = [await listExpectedMachines(tx), await listExpectedVolumes(tx)];
      return [...servers.map((id): Missing => ({ kind: 'server', id })), ...volumes.map((id): Missing => ({ kind: 'volume', id }))];
    });
  const before = await expected();
  const [there, machines, storage] = await Promise.all([driver.quarantine.list(), driver.servers.list(), driver.volumes.list()]);
  const seen = new Set([...machines.map(({ id }) => `server ${id}`), ...storage.volumes.map(({ id }) => `volume ${id}`)]);
  // What went meanwhile is no difference.
  const still = new Set((await expected()).map(({ kind, id }) => `${kind} ${id}`));
  return { there, here: before.filter(({ kind, id }) => !seen.has(`${kind} ${id}`) && still.has(`${kind} ${id}`)) };
}
