/** What of ours is what at the partner, for whoever compares what was used on both sides. */
import type { Counterpart } from '../driver.ts';
import type { HandleStore } from './handles.ts';
import { LIBRARY } from './projects.ts';

const kinds = ['project', 'server', 'volume', 'snapshot', 'flavor'] as const;
const atOnce = 1_000;

export async function counterpartsAfter(handles: HandleStore, number: number): Promise<Counterpart[]> {
  const known = await handles.knownAfter(number, { kinds, limit: atOnce });
  return known.flatMap(({ number: own, kind, id, remoteId, applied }): Counterpart[] => {
    // Where images are kept is nobody's place of ours.
    if (kind === 'project' && id === LIBRARY) return [];
    // The size is in the id that we would give it; by its name it is in what the partner counts.
    if (kind === 'flavor') return [{ number: own, kind, id: id.replace(/^intercloud-/, ''), remoteId: String(applied['name'] ?? remoteId) }];
    return [{ number: own, kind: kind as Counterpart['kind'], id, remoteId }];
  });
}
