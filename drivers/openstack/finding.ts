/** What of all that is there is ours: by the handles first, and by our tag where a handle is in doubt or lost. */
import { idInTag, type Handle, type HandleRef } from './handles.ts';
import type { Services } from './partner.ts';
import type { Region } from './region.ts';

type Tagged = { id: string; tag: string | null };

export type Ours<T> = { id: string; thing: T; handle: Handle | undefined };

/** What is there of what we know, and what carries our tag though we do not know it; a second one of the same is not shown. */
export function ours<T extends Tagged>(handles: readonly Handle[], kind: Handle['kind'], things: readonly T[]): Ours<T>[] {
  const known = handles.filter((handle) => handle.kind === kind);
  const byRemote = new Map(known.flatMap((handle) => (handle.remoteId === null ? [] : [[handle.remoteId, handle] as const])));
  const named = new Set(known.flatMap(({ id, state }) => (state === 'known' ? [id] : [])));
  return things.flatMap((thing): Ours<T>[] => {
    const handle = byRemote.get(thing.id);
    if (handle) return [{ id: handle.id, thing, handle }];
    const id = idInTag(thing.tag);
    if (id === null || named.has(id)) return [];
    named.add(id);
    return [{ id, thing, handle: undefined }];
  });
}

/** Everywhere that it is or may be, so that it can be removed. */
export async function whereIs({ handles, projects }: Region, ref: HandleRef, look: (services: Services) => Promise<Tagged[]>): Promise<{ services: Services; remoteIds: string[] }[]> {
  const handle = await handles.find(ref);
  if (handle?.state === 'known') return [{ services: await projects.of(handle.projectId), remoteIds: [handle.remoteId] }];
  if (!handle && (await handles.wasMade(ref))) return [];
  // Never seen by this database, as after the restore of an old backup: it may be in any project.
  const places = handle ? [await projects.of(handle.projectId)] : (await projects.known()).map(({ services }) => services);
  return Promise.all(
    places.map(async (services) => {
      const things = await look(services);
      return { services, remoteIds: things.filter(({ tag }) => (handle ? tag === handle.tag : idInTag(tag) === ref.id)).map(({ id }) => id) };
    }),
  );
}
