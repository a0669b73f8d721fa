/** Where machines could go now: what regions said they have left, at the prices of whoever asks. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { listCapacities, listOutcomes } from './capacity.store.ts';
import type { Candidate, Wish } from './placing.ts';

/** What a region is to a project: absent when it may not use it. */
export type Offer = { kind: 'own' | 'partner'; labels: Record<string, string>; capabilities: string[]; troubles: Record<string, string>; currency: string; bookHash: string; hourlyOf: (machines: Machines) => bigint };

/** What is paid for. */
export type Machines = Pick<Wish, 'flavor' | 'vcpus' | 'memoryMiB' | 'diskGiB' | 'count'>;

/** By region. Handed in, because what is offered to whom is other services' to say. */
export type Offers = (tx: Transaction, projectId: string, now: Date) => Promise<ReadonlyMap<string, Offer>>;

/** A region that did not say for so long what it has left takes nothing new. */
export const silenceSeconds = 60;

export async function candidatesFor(tx: Transaction, offers: Offers, { projectId, now, machines }: { projectId: string; now: Date; machines: Machines }): Promise<Candidate[]> {
  const offered = await offers(tx, projectId, now);
  const capacities = await listCapacities(tx, new Date(now.getTime() - silenceSeconds * 1000));
  const outcomes = new Map((await listOutcomes(tx, now)).map((outcome) => [outcome.region, outcome]));
  return capacities.flatMap(({ region, availabilityZone, free, largest, images }) => {
    const offer = offered.get(region);
    if (!offer) return [];
    const { hourlyOf, ...rest } = offer;
    const { succeeded, failed } = outcomes.get(region) ?? { succeeded: 0, failed: 0 };
    return [{ region, availabilityZone, ...rest, hourly: hourlyOf(machines), free, largest, images, outcomes: { succeeded, failed } }];
  });
}
