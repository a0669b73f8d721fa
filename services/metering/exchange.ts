/** A consumer's side of an agreement, all by itself: asks the provider for his hours, compares them, and says what it accepts. */
import { Refused, type Client } from '../../contract/client.ts';
import type { metering } from '../../contract/intercloud/metering.ts';
import type { Random } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import { hoursNotTold, hoursToMatch, markTold, statedHours } from './agreements.store.ts';
import { acceptedOf, matchHours, revisedMs, stateOwn, takeStatement, type Agreement, type Comparing, type Matches } from './agreements.ts';
import { askHour, askToState, remotePeer, Unsound } from './peers.ts';
import { hourMs } from './usage.ts';

const scope = { kind: 'system', reason: 'usage is compared with a peer' } as const;

export type Exchanging = Omit<Comparing, 'random'> & { random: Random };
export type Exchanged = { asked: number; told: number } & Matches;

/** `client`: of the provider, as a user of the domain that he knows us by. What fails is tried again the next time. `soFar`: the hour under way too. */
export async function exchange(parts: Exchanging, agreement: Agreement, client: Client<typeof metering>, { soFar = false }: { soFar?: boolean } = {}): Promise<Exchanged> {
  const hours = await askHours(parts, agreement, client);
  const now = soFar ? await askUnderWay(parts, agreement, client) : 0;
  const asking = { client, agreement, clock: parts.clock };
  const { matched, failed } = await matchHours(parts, agreement, (hour, { revision }) => remotePeer(asking, hour, revision));
  return { asked: hours.asked + now, matched, failed: [...hours.failed, ...failed], told: await tellAccepted(parts, agreement, client) };
}

/** Those that he may still state in time, and has not; and those of which he may have been told more since. */
async function askHours(parts: Exchanging, agreement: Agreement, client: Client<typeof metering>): Promise<Pick<Exchanged, 'asked' | 'failed'>> {
  const { database, clock } = parts;
  const now = clock.now();
  const floor = (moment: Date) => Math.floor(moment.getTime() / hourMs) * hourMs;
  const first = Math.max(floor(agreement.createdAt), floor(now) - agreement.lateHours * 2 * hourMs);
  const { stated, waiting } = await database.read(scope, async (tx) => ({ stated: await statedHours(tx, agreement.id, new Date(first)), waiting: await hoursToMatch(tx, agreement.id) }));
  // What could not be compared may have been stated anew.
  const known = new Set(stated.map((hour) => hour.getTime()).filter((at) => !waiting.some(({ hour }) => hour.getTime() === at)));
  const failed: Exchanged['failed'] = [];
  let asked = 0;
  for (let at = first; at < floor(now); at += hourMs) {
    if (known.has(at) && at < floor(now) - revisedMs) continue;
    const hour = new Date(at);
    try {
      const signed = await askHour({ client, agreement, clock }, hour);
      if (await take(parts, agreement, hour, signed)) asked += 1;
    } catch (error) {
      // He has not stated it yet.
      if (error instanceof Refused && error.status === 409) continue;
      // What is wrong with one hour keeps nobody from the others; who cannot be reached cannot be asked about any.
      if (!(error instanceof Fault || error instanceof Unsound)) throw error;
      failed.push({ hour, cause: error });
    }
  }
  return { asked, failed };
}

/** Both state what they have counted so far. */
async function askUnderWay(parts: Exchanging, agreement: Agreement, client: Client<typeof metering>): Promise<number> {
  const now = parts.clock.now();
  const hour = new Date(Math.floor(now.getTime() / hourMs) * hourMs);
  if (hour.getTime() + hourMs <= agreement.createdAt.getTime()) return 0;
  const signed = await askToState({ client, agreement, clock: parts.clock }, hour);
  await stateOwn(parts, agreement, hour);
  return (await take(parts, agreement, hour, signed)) ? 1 : 0;
}

/** Whether it is news. */
function take({ database, clock, random }: Exchanging, { id }: Agreement, hour: Date, signed: Parameters<typeof takeStatement>[3]): Promise<boolean> {
  return database.transaction(scope, (tx) => takeStatement({ tx, now: clock.now(), random, requestId: undefined }, id, hour, signed));
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
