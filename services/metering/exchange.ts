/** A consumer's side of an agreement, all by itself: asks the provider for his hours, compares them, and says what it accepts. */
import { Refused, type Client } from '../../contract/client.ts';
import type { metering } from '../../contract/intercloud/metering.ts';
import type { Random } from '../../kit/clock.ts';
import { hoursNotTold, markTold, statedHours } from './agreements.store.ts';
import { acceptedOf, matchHours, takeStatement, type Agreement, type Comparing } from './agreements.ts';
import { askHour, remotePeer } from './peers.ts';
import { hourMs } from './usage.ts';

const scope = { kind: 'system', reason: 'usage is compared with a peer' } as const;

export type Exchanging = Omit<Comparing, 'random'> & { random: Random };

/** `client`: of the provider, as a user of the domain that he knows us by. What fails is tried again the next time. */
export async function exchange(parts: Exchanging, agreement: Agreement, client: Client<typeof metering>): Promise<{ asked: number; matched: number; told: number }> {
  const asked = await askHours(parts, agreement, client);
  const asking = { client, agreement, clock: parts.clock };
  const matched = await matchHours(parts, agreement, (hour) => remotePeer(asking, hour));
  return { asked, matched, told: await tellAccepted(parts, agreement, client) };
}

/** Those that he may still state in time, and has not. */
async function askHours({ database, clock, random }: Exchanging, agreement: Agreement, client: Client<typeof metering>): Promise<number> {
  const now = clock.now();
  const floor = (moment: Date) => Math.floor(moment.getTime() / hourMs) * hourMs;
  const first = Math.max(floor(agreement.createdAt), floor(now) - agreement.lateHours * 2 * hourMs);
  const known = new Set((await database.read(scope, (tx) => statedHours(tx, agreement.id, new Date(first)))).map((hour) => hour.getTime()));
  let asked = 0;
  for (let at = first; at < floor(now); at += hourMs) {
    if (known.has(at)) continue;
    const hour = new Date(at);
    try {
      const signed = await askHour({ client, agreement, clock }, hour);
      await database.transaction(scope, (tx) => takeStatement({ tx, now, random, requestId: undefined }, agreement.id, hour, signed));
      asked += 1;
    } catch (error) {
      // He has not stated it yet.
      if (!(error instanceof Refused && error.status === 409)) throw error;
    }
  }
  return asked;
}

async function tellAccepted({ database }: Exchanging, { id }: Agreement, client: Client<typeof metering>): Promise<number> {
  const hours = await database.read(scope, (tx) => hoursNotTold(tx, id));
  for (const { hour, revision } of hours) {
    const signed = await database.read(scope, (tx) => acceptedOf(tx, id, hour));
    await client.statements.accept({ params: { agreement_id: id, hour: hour.toISOString() }, body: signed as never });
    await database.transaction(scope, (tx) => markTold(tx, id, hour, revision));
  }
  return hours.length;
}
