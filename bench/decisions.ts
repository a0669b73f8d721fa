/** How long it takes to decide where a machine goes among a thousand places, all of which are judged. */
import { place, usualPolicy, type Candidate, type Wish } from '../services/broker/placing.ts';

const wish: Wish = { flavor: 'm1.small', vcpus: 2, memoryMiB: 2048, diskGiB: 20, count: 1, image: { sha256: 'aa', sizeGiB: 1 }, needs: ['boot', 'network'], fixed: null };

/** The median of so many decisions, in milliseconds. */
export function measureDecisions({ candidates = 1_000, times = 200 } = {}): number {
  const room = (number: number) => ({ vcpus: number % 97, memoryMiB: (number % 97) * 1024, diskGiB: 1000 });
  const places = Array.from({ length: candidates }, (_, number): Candidate => ({
    region: `region-${number}`,
    availabilityZone: 'nova',
    kind: number % 5 === 0 ? 'own' : 'partner',
    labels: { residency: number % 2 === 0 ? 'eu' : 'us' },
    capabilities: ['identity', 'image', 'network', 'boot', 'volume', 'delete'],
    free: room(number),
    largest: room(number),
    hourly: BigInt(1_000_000 + ((number * 7919) % 1_000_000)),
    currency: 'EUR',
    bookHash: 'book',
    images: number % 3 === 0 ? ['aa'] : [],
    outcomes: { succeeded: number % 50, failed: number % 7 },
  }));
  const policy = { ...usualPolicy, limits: { labels: { residency: ['eu'] }, hourlyAtMost: 5_000_000n } };
  const took = Array.from({ length: times }, () => {
    const begun = performance.now();
    if (place(wish, policy, places).verdicts.length !== candidates) throw new Error('not every place was judged');
    return performance.now() - begun;
  });
  return took.toSorted((one, other) => one - other)[Math.floor(times / 2)]!;
}
