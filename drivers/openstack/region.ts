/** What the parts of the driver share. */
import type { Clock, Random } from '../../kit/clock.ts';
import type { BlobStore } from '../driver.ts';
import type { HandleRef, HandleStore } from './handles.ts';
import type { Partner } from './partner.ts';
import type { Projects } from './projects.ts';

export type Region = {
  partner: Partner;
  projects: Projects;
  handles: HandleStore;
  blobs: BlobStore;
  clock: Clock;
  random: Random;
  capacity: Capacity;
  /** The partner's network to the outside, by the id that it has there. */
  externalNetwork: string | null;
  /** Does the work in its place: after all earlier work about the same things. */
  call<T>(things: readonly HandleRef[], work: () => Promise<T>): Promise<T>;
  /** The same for what several of those need, and one of them makes. */
  once<T>(thing: HandleRef, work: () => Promise<T>): Promise<T>;
};

/** What the partner has contracted to us. */
export type Capacity = { vcpus: number; memoryMiB: number; diskGiB: number };

export type Waiting = Pick<Region, 'clock'>;

/** Looks until it is as it should be; after `seconds` resolves to what was seen last. */
export async function until<T>({ clock }: Waiting, look: () => Promise<T>, isSo: (seen: T) => boolean, seconds: number): Promise<T> {
  const deadline = clock.now().getTime() + seconds * 1000;
  for (let waitMs = 50; ; waitMs = Math.min(waitMs * 1.6, 2_000)) {
    const seen = await look();
    if (isSo(seen) || clock.now().getTime() > deadline) return seen;
    await clock.after(waitMs);
  }
}
