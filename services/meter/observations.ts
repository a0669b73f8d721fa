/** What an event says about a thing that is metered: whose it is, in which state, and how much it is. Knows no database. */
import type { Event } from '../../kit/events/events.ts';

export type MeteredResource = 'server' | 'volume' | 'volume_snapshot' | 'image' | 'floatingip' | 'container';

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

type Payload = Readonly<Record<string, unknown>>;

/** Undefined for events about what nobody meters. */
export function observe({ id, type, resource, resourceId, projectId, payload, at }: Event): Observation | undefined {
  const measure = meters[resource as MeteredResource];
  if (measure === undefined || projectId === null) return undefined;
  const known = payload as Payload;
  const state = stateOf(resource as MeteredResource, type, known);
  return { resource: resource as MeteredResource, resourceId, projectId, state, measured: measure(known), at, eventId: id };
}

const meters: Record<MeteredResource, (payload: Payload) => Measured> = {
  server({ flavor }) {
    const { name, vcpus, memoryMiB, diskGiB } = (flavor ?? {}) as Payload;
    return { flavor: typeof name === 'string' ? name : '', measures: { servers: 1, vcpus: whole(vcpus), memoryMiB: whole(memoryMiB), diskGiB: whole(diskGiB) } };
  },
  volume: ({ sizeGiB, typeName }) => ({ flavor: typeof typeName === 'string' ? typeName : '', measures: { volumes: 1, GiB: whole(sizeGiB) } }),
  volume_snapshot: ({ sizeGiB }) => ({ flavor: '', measures: { snapshots: 1, GiB: whole(sizeGiB) } }),
  // What has no bytes yet is an image all the same.
  image: ({ sizeBytes }) => ({ flavor: '', measures: { images: 1, MiB: Math.ceil(whole(sizeBytes) / 2 ** 20) } }),
  // Of objects: what lies in it, as it was when it was counted last.
  container: ({ bytes }) => ({ flavor: '', measures: { containers: 1, MiB: Math.ceil(whole(bytes) / 2 ** 20) } }),
  floatingip: () => ({ flavor: '', measures: { floatingips: 1 } }),
};

function stateOf(resource: MeteredResource, type: string, { status }: Payload): string | null {
  if (/\.delete(\.end)?$/.test(type)) return null;
  if (typeof status === 'string' && status.toLowerCase() === 'deleted') return null;
  if (typeof status === 'string') return status;
  return resource === 'floatingip' ? 'allocated' : 'unknown';
}

function whole(value: unknown): number {
  const number = Number(value ?? 0);
  return Number.isFinite(number) && number > 0 ? Math.ceil(number) : 0;
}
