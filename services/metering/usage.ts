/** The use that regions tell of: taken once, in order, and asked for by project, region and time. */
import type { Static } from 'typebox';
import type { usage } from '../../contract/intercloud/metering/usage.ts';
import { badRequest, conflict } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import {
  addToHours, advanceRegion, ensureMonths, ensureShapes, insertProjects, insertRecords, listHours, listRecords, listRegions, lockRegion, nextOf, unknownProjects,
  type HourPlace, type HourRow, type HourSum, type NewUsage, type UsageRow,
} from './usage.store.ts';

export { listRecords, sumByResource, sumRecords, type Selection, type Shape, type UsageRow, type UsageSum } from './usage.store.ts';

export type UsageBatch = Static<typeof usage.put.body>;

export const hourMs = 3_600_000;
// A region that was away for longer than a year is a matter for people; a day ahead no clock is.
const oldestMs = 400 * 24 * hourMs;
const newestMs = 24 * hourMs;

/** Finds the domains of projects; those that identity does not know have none. */
export type DomainsOf = (tx: Transaction, projectIds: readonly string[]) => Promise<ReadonlyMap<string, string>>;

/** Resolves to the number that is expected next. What was taken before is taken for known. */
export async function takeUsage(tx: Transaction, { region, batch, now, domainsOf }: { region: string; batch: UsageBatch; now: Date; domainsOf: DomainsOf }): Promise<number> {
  const expected = await lockRegion(tx, region, now);
  if (batch.first > expected) throw conflict(`The record ${batch.first} of ${region} cannot be taken: ${expected} is expected`, 'gap');
  const fresh = batch.records.slice(expected - batch.first);
  const next = expected + fresh.length;
  if (fresh.length > 0) {
    const shapeIds = await ensureShapes(tx, batch.shapes);
    const records = fresh.map((record, index) => checked(record, shapeIds, expected + index, now));
    await rememberProjects(tx, new Set(records.map(({ projectId }) => projectId)), domainsOf, now);
    await ensureMonths(tx, monthsOf(records));
    await insertRecords(tx, region, expected, records);
    await addToHours(tx, region, summed(records));
  }
  await advanceRegion(tx, region, next, batch.through);
  return next;
}

export function expectedNext(tx: Transaction, region: string): Promise<number> {
  return nextOf(tx, region);
}

/** What each region has told so far: a sum up to there can be had again at any time. */
export async function toldSoFar(tx: Transaction): Promise<Map<string, number>> {
  return new Map((await listRegions(tx)).map(({ region, next }) => [region, next]));
}

/** Regions that have not told all of what was until this moment. */
export async function regionsBehind(tx: Transaction, moment: Date): Promise<string[]> {
  return (await listRegions(tx)).flatMap(({ region, through }) => (through === null || through < moment ? [region] : []));
}

export type UsageQuery = { from?: string; until?: string; project_id?: string; resource?: string; region?: string; limit?: number; marker?: string };

export async function listUsage(context: Context, query: UsageQuery): Promise<{ rows: HourRow[]; next: string | null }> {
  const { limit = 1_000, marker, resource, region } = query;
  const rows = await listHours(context.tx, { projectId: projectOf(context, query), ...periodOf(context, query), region, resource }, { limit, ...(marker === undefined ? {} : { after: hourPlace(marker) }) });
  const last = rows.at(-1);
  return { rows, next: last && rows.length === limit ? JSON.stringify([last.hour, last.region, last.shapeId, last.state]) : null };
}

export async function listUsageRecords(context: Context, query: UsageQuery & { resource_id?: string }): Promise<{ rows: UsageRow[]; next: string | null }> {
  const { limit = 1_000, marker, resource, region, resource_id: resourceId } = query;
  const selection = { projectIds: [projectOf(context, query)], ...periodOf(context, query), ...(region === undefined ? {} : { regions: [region] }), ...(resource === undefined ? {} : { resource }), ...(resourceId === undefined ? {} : { resourceId }) };
  const rows = await listRecords(context.tx, selection, { limit, ...(marker === undefined ? {} : { after: recordPlace(marker) }) });
  const last = rows.at(-1);
  return { rows, next: last && rows.length === limit ? JSON.stringify([last.region, last.sequence]) : null };
}

function periodOf({ now }: Context, { from, until }: UsageQuery): { from: Date; until: Date } {
  const begin = from === undefined ? new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth())) : momentOf(from);
  return { from: begin, until: until === undefined ? new Date(now.getTime() + hourMs) : momentOf(until) };
}

/** RFC 3339 knows leap seconds, which no clock of ours has. */
function momentOf(text: string): Date {
  const moment = new Date(text);
  if (Number.isNaN(moment.getTime())) throw badRequest(`There is no such moment: ${text}`, 'invalid');
  return moment;
}

function projectOf({ caller }: Context, { project_id: asked }: UsageQuery): string {
  if (asked !== undefined && asked !== caller.projectId && !caller.isAdmin) throw badRequest('Only administrators may ask for another project than that of their token', 'invalid');
  return asked ?? caller.projectId ?? '';
}

/** Each record is of one hour: that is what sums, statements and invoices by the hour rest on. */
function checked(record: UsageBatch['records'][number], shapeIds: readonly number[], sequence: number, now: Date): NewUsage {
  const shapeId = shapeIds[record.shape];
  if (shapeId === undefined) throw badRequest(`The record ${sequence} names the shape ${record.shape}, which is not among the shapes`, 'invalid');
  const [from, until] = [Date.parse(record.from), Date.parse(record.until)];
  const hour = Math.floor(Math.min(from, until) / hourMs) * hourMs;
  if (!(hour > now.getTime() - oldestMs && hour < now.getTime() + newestMs)) throw badRequest(`The record ${sequence} is of no time that can be taken: ${record.from} to ${record.until}`, 'invalid');
  if (Math.max(from, until) > hour + hourMs) throw badRequest(`The record ${sequence} is of more than one hour: ${record.from} to ${record.until}`, 'invalid');
  return { hour: new Date(hour), projectId: record.project_id, resourceId: record.resource_id, shapeId, previous: record.previous, current: record.current, from, until, eventId: record.event };
}

function summed(records: readonly NewUsage[]): HourSum[] {
  const sums = new Map<string, HourSum>();
  for (const { hour, projectId, shapeId, previous, from, until } of records) {
    if (previous === null) continue;
    const key = `${hour.getTime()} ${shapeId} ${previous} ${projectId}`;
    const sum = sums.get(key);
    const durationMs = until - from;
    if (sum === undefined) sums.set(key, { hour, projectId, shapeId, state: previous, durationMs, records: 1 });
    else {
      sum.durationMs += durationMs;
      sum.records += 1;
    }
  }
  return [...sums.values()];
}

async function rememberProjects(tx: Transaction, projectIds: ReadonlySet<string>, domainsOf: DomainsOf, now: Date): Promise<void> {
  const unknown = await unknownProjects(tx, [...projectIds]);
  if (unknown.length === 0) return;
  const domains = await domainsOf(tx, unknown);
  await insertProjects(tx, unknown.map((projectId) => ({ projectId, domainId: domains.get(projectId) ?? null })), now);
}

function monthsOf(records: readonly NewUsage[]): Date[] {
  const months = new Set(records.map(({ hour }) => Date.UTC(hour.getUTCFullYear(), hour.getUTCMonth())));
  return [...months].map((month) => new Date(month));
}

function hourPlace(marker: string): HourPlace {
  const [hour, region, shapeId, state] = parsedMarker(marker, 4);
  const at = new Date(String(hour));
  if (Number.isNaN(at.getTime()) || !Number.isInteger(shapeId)) throw badRequest('The marker is not one that this list gave', 'invalid');
  return { hour: at, region: String(region), shapeId: Number(shapeId), state: String(state) };
}

function recordPlace(marker: string): { region: string; sequence: number } {
  const [region, sequence] = parsedMarker(marker, 2);
  if (!Number.isSafeInteger(sequence)) throw badRequest('The marker is not one that this list gave', 'invalid');
  return { region: String(region), sequence: Number(sequence) };
}

function parsedMarker(marker: string, length: number): unknown[] {
  const parts = markerParts(marker);
  if (!Array.isArray(parts) || parts.length !== length) throw badRequest('The marker is not one that this list gave', 'invalid');
  return parts;
}

function markerParts(marker: string): unknown {
  try {
    return JSON.parse(marker);
  } catch {
    return undefined;
  }
}
