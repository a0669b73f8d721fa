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

/** What of an event is looked at. */
export type Told = {
  id: number;
  type: string;
  resource: string;
  resourceId: string;
  projectId: string | null;
  /** Milliseconds since 1970. */
  at: number;
  status: string | null;
  /**
   * By what it is measured, as PostgreSQL writes it: a server's flavor as JSON, an image's or a container's bytes, GiB; a volume's GiB
   * are followed by a space and its type.
   */
  amount: string | null;
};

/** Undefined for events about what nobody meters. Of many things that measure the same there is one measure. */
export function createObserver(): (told: Told) => Observation | undefined {
  const known = new Map<string, Map<string | null, Measured>>();
  return (told) => {
    const { id, type, resource, resourceId, projectId, at, status, amount } = told;
    const meter = meters[resource as MeteredResource];
    if (meter === undefined || projectId === null) return undefined;
    const alike = known.get(resource) ?? new Map<string | null, Measured>();
    known.set(resource, alike);
    const measured = alike.get(amount) ?? meter(amount ?? '');
    alike.set(amount, measured);
    return { resource: resource as MeteredResource, resourceId, projectId, state: stateOf(resource as MeteredResource, type, status), measured, at: new Date(Math.round(at)), eventId: id };
  };
}

const meters: Record<MeteredResource, (amount: string) => Measured> = {
  server(flavor) {
    const { name, vcpus, memoryMiB, diskGiB, ephemeralGiB } = JSON.parse(flavor || '{}') as Readonly<Record<string, unknown>>;
    return { flavor: typeof name === 'string' ? name : '', measures: { servers: 1, vcpus: whole(vcpus), memoryMiB: whole(memoryMiB), diskGiB: whole(diskGiB) + whole(ephemeralGiB) } };
  },
  volume(amount) {
    const [sizeGiB, ...typeName] = amount.split(' ');
    return { flavor: typeName.join(' '), measures: { volumes: 1, GiB: whole(sizeGiB) } };
  },
  volume_snapshot: (sizeGiB) => ({ flavor: '', measures: { snapshots: 1, GiB: whole(sizeGiB) } }),
  volume_backup: (sizeGiB) => ({ flavor: '', measures: { backups: 1, GiB: whole(sizeGiB) } }),
  // What has no bytes yet is an image all the same.
  image: (sizeBytes) => ({ flavor: '', measures: { images: 1, MiB: Math.ceil(whole(sizeBytes) / 2 ** 20) } }),
  // Of objects: what lies in it, as it was when it was counted last.
  container: (bytes) => ({ flavor: '', measures: { containers: 1, MiB: Math.ceil(whole(bytes) / 2 ** 20) } }),
  floatingip: () => ({ flavor: '', measures: { floatingips: 1 } }),
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
