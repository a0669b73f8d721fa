import type { Random } from '../../kit/clock.ts';
import type { HostReport } from '../driver.ts';
import type { State } from './state.ts';

export type HostShape = Pick<HostReport, 'vcpus' | 'memoryMiB' | 'diskGiB' | 'numaCells' | 'ownVcpus' | 'devices'>;

export type Hosts = {
  list(): HostReport[];
  find(id: string): HostShape | undefined;
};

const GIB = 2 ** 30;

export function openHosts({ state, count, shape, random, startedAt, hostId }: { state: State; count: number; shape: HostShape; random: Pick<Random, 'uuid'>; startedAt: Date; hostId?: string | undefined }): Hosts {
  const { database, transaction } = state;
  const select = database.prepare('select id from hosts order by position limit ?');
  const insert = database.prepare('insert into hosts (position, id) values (?, ?)');
  const used = database.prepare('select host_id, sum(disk_bytes) as bytes from servers group by host_id');

  // A host keeps its id for good; a region that has grown gets new ones.
  transaction(() => {
    for (let position = select.all(count).length; position < count; position++) insert.run(position, hostId ?? random.uuid());
  });
  const ids = select.all(count).map(({ id }) => String(id));
  const known = new Set(ids);

  return {
    find: (id) => (known.has(id) ? shape : undefined),
    list() {
      const usedOn = new Map(used.all().map(({ host_id, bytes }) => [String(host_id), Number(bytes)]));
      return ids.map((id, position) => ({
        id,
        hostname: `host-${position + 1}`,
        hypervisorType: 'simulated',
        hypervisorVersion: 1_000_000,
        // RFC 2544: kept for such purposes, and never routed.
        address: `198.18.${position >> 8}.${position & 255}`,
        cpuModel: 'simulated',
        architecture: 'x86_64',
        ...shape,
        startedAt: startedAt.toISOString(),
        freeDiskGiB: Math.max(0, Math.floor(shape.diskGiB - (usedOn.get(id) ?? 0) / GIB)),
      }));
    },
  };
}
