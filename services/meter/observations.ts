/** What an event says about a thing that is metered: whose it is, in which state, and how much it is. Knows no database. */

export type MeteredResource = 'server' | 'volume' | 'volume_snapshot' | 'volume_backup' | 'image' | 'floatingip' | 'container';

/** How much of what there is, while it is so. */
export type Measured = { flavor: string; measures: Record<string, number> };

export type Observation = {
  resource: MeteredResource;
  resourceId: string;
  projectId: string;
  /** Null: it is gone. */
  state: string | null;
  measured: Measured;
  at: Date;
  eventId: number;
};

/** What of an event is looked at: some of it, which other kinds of things do not have. Numbers are as PostgreSQL writes them. */
export type Told = {
  id: number;
  type: string;
  resource: string;
  resourceId: string;
  projectId: string | null;
  at: Date;
  status: string | null;
  /** A server's, as JSON. */
  flavor: string | null;
  sizeGiB: string | null;
  typeName: string | null;
  sizeBytes: string | null;
  bytes: string | null;
};

/** Undefined for events about what nobody meters. Of many things that measure the same there is one measure. */
export function createObserver(): (told: Told) => Observation | undefined {
  const known = new Map<string, Measured>();
  return (told) => {
    const { id, type, resource, resourceId, projectId, at } = told;
    const meter = meters[resource as MeteredResource];
    if (meter === undefined || projectId === null) return undefined;
    const shape = `${resource}\n${meter.looksAt(told)}`;
    const measured = known.get(shape) ?? meter.measure(told);
    known.set(shape, measured);
    return { resource: resource as MeteredResource, resourceId, projectId, state: stateOf(resource as MeteredResource, type, told.status), measured, at, eventId: id };
  };
}

type Meter = {
  /** All that `measure` goes by. */
  looksAt(told: Told): string | null;
  measure(told: Told): Measured;
};

const meters: Record<MeteredResource, Meter> = {
  server: {
    looksAt: ({ flavor }) => flavor,
    measure({ flavor }) {
      const { name, vcpus, memoryMiB, diskGiB, ephemeralGiB } = JSON.parse(flavor ?? '{}') as Readonly<Record<string, unknown>>;
      return { flavor: typeof name === 'string' ? name : '', measures: { servers: 1, vcpus: whole(vcpus), memoryMiB: whole(memoryMiB), diskGiB: whole(diskGiB) + whole(ephemeralGiB) } };
    },
  },
  volume: { looksAt: ({ sizeGiB, typeName }) => `${sizeGiB} ${typeName ?? ''}`, measure: ({ sizeGiB, typeName }) => ({ flavor: typeName ?? '', measures: { volumes: 1, GiB: whole(sizeGiB) } }) },
  volume_snapshot: { looksAt: ({ sizeGiB }) => sizeGiB, measure: ({ sizeGiB }) => ({ flavor: '', measures: { snapshots: 1, GiB: whole(sizeGiB) } }) },
  volume_backup: { looksAt: ({ sizeGiB }) => sizeGiB, measure: ({ sizeGiB }) => ({ flavor: '', measures: { backups: 1, GiB: whole(sizeGiB) } }) },
  // What has no bytes yet is an image all the same.
  image: { looksAt: ({ sizeBytes }) => sizeBytes, measure: ({ sizeBytes }) => ({ flavor: '', measures: { images: 1, MiB: Math.ceil(whole(sizeBytes) / 2 ** 20) } }) },
  // Of objects: what lies in it, as it was when it was counted last.
  container: { looksAt: ({ bytes }) => bytes, measure: ({ bytes }) => ({ flavor: '', measures: { containers: 1, MiB: Math.ceil(whole(bytes) / 2 ** 20) } }) },
  floatingip: { looksAt: () => '', measure: () => ({ flavor: '', measures: { floatingips: 1 } }) },
};

function stateOf(resource: MeteredResource, type: string, status: string | null): string | null {
  if (type.endsWith('.delete') || type.endsWith('.delete.end')) return null;
  if (status?.toLowerCase() === 'deleted') return null;
  if (status !== null) return status;
  return resource === 'floatingip' ? 'allocated' : 'unknown';
}

function whole(value: unknown): number {
  const number = Number(value ?? 0);
  return Number.isFinite(number) && number > 0 ? Math.ceil(number) : 0;
}
