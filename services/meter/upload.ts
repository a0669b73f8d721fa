/** Records go home in their order, and are kept here until home says that it has them. */
import type { Static } from 'typebox';
import type { Client } from '../../contract/client.ts';
import { metering } from '../../contract/intercloud/metering.ts';
import type { usage } from '../../contract/intercloud/metering/usage.ts';
import type { Database } from '../../kit/postgres/database.ts';
import { canonical } from '../../kit/signed.ts';
import { firstRecords, forgetAcknowledged, readProgress, type KeptRecord } from './meters.store.ts';

export type UsageBatch = Static<typeof usage.put.body>;

/** The way home. Rejects while home cannot be reached; home counts what it gets twice once. */
export type UsageLink = { put(region: string, batch: UsageBatch): Promise<{ next: number }> };

/** To a home that is elsewhere, by its contract. */
export function remoteUsageLink(home: { client(service: typeof metering): Client<typeof metering> }): UsageLink {
  const { usage } = home.client(metering);
  return { put: async (region, batch) => (await usage.put({ params: { region }, body: batch })).body };
}

const atOnce = 5_000;
const scope = { kind: 'system', reason: "the region's usage goes home" } as const;

/** Sends all that is kept. Resolves to how many records home has taken. */
export async function uploadUsage({ database, region, link }: { database: Database; region: string; link: UsageLink }, signal?: AbortSignal): Promise<number> {
  let sent = 0;
  while (signal?.aborted !== true) {
    const { records, progress } = await database.read(scope, async (tx) => ({ progress: await readProgress(tx), records: await firstRecords(tx, atOnce) }));
    const last = records.at(-1);
    // Read before the records: what it promises is in them.
    const isAll = (last?.sequence ?? progress.acknowledged) + 1 >= progress.next;
    const through = isAll ? progress.through : null;
    if (last === undefined && (through === null || (progress.toldThrough !== null && through <= progress.toldThrough))) return sent;
    const first = records[0]?.sequence ?? progress.acknowledged + 1;
    const { next } = await link.put(region, batchOf(first, through?.toISOString() ?? null, records));
    if (last !== undefined && next <= first) throw new Error(`Home expects the record ${next} of ${region}, and the first that is left here is ${first}`);
    await database.transaction(scope, (tx) => forgetAcknowledged(tx, { next, through }));
    sent += next - first;
    if (isAll) return sent;
  }
  return sent;
}

function batchOf(first: number, through: string | null, records: readonly KeptRecord[]): UsageBatch {
  const places = new Map<string, number>();
  const shapes: UsageBatch['shapes'] = [];
  const shapeOf = ({ resource, measured }: KeptRecord): number => {
    const key = JSON.stringify([resource, measured.flavor]) + canonical(measured.measures);
    const known = places.get(key);
    if (known !== undefined) return known;
    places.set(key, shapes.length);
    return shapes.push({ resource, ...measured }) - 1;
  };
  return {
    first,
    through,
    shapes,
    records: records.map((record) => ({
      resource_id: record.resourceId,
      project_id: record.projectId,
      shape: shapeOf(record),
      previous: record.previous,
      current: record.current,
      from: record.from.toISOString(),
      until: record.until.toISOString(),
      event: record.eventId,
    })),
  };
}
