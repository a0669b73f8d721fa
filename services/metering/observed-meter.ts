/**
 * The provider's count where the provider counts nothing for us: a plain OpenStack, whose own record of its servers and
 * volumes is read by its API once an hour. What comes of it is compared with our own count like a peer's statement.
 *
 * Nova keeps when each server was launched and terminated, and every request; of volumes Cinder forgets what is deleted,
 * so that one that is gone counts up to when it was last seen.
 */
import { Refused, type Client } from '../../contract/client.ts';
import type { compute } from '../../contract/compute/service.ts';
import type { volume } from '../../contract/volume/service.ts';
import type { EventStatement, HourStatement, IntervalRow, Peer, ResourceStatement, SumRow } from './matching.ts';
import { hourMs } from './usage.ts';
import { isSold } from './states.ts';

/** One of our projects there, with clients that act in it. */
export type ObservedProject = { id: string; compute: Pick<Client<typeof compute>, 'usages' | 'instanceActions'>; volume: Pick<Client<typeof volume>, 'volumes'> };

/** As it was when it was looked at. */
export type SeenVolume = { projectId: string; id: string; sizeGiB: number; status: string; since: string };

export type Observation = { statement: HourStatement; peer: Peer; things: SeenThing[]; volumes: SeenVolume[] };

/** With each interval of it that was shown. */
export type SeenThing = { project: string; resource: 'server' | 'volume'; id: string; rows: IntervalRow[] };

/** `before`: the volumes of the observation before this one, and when it was. To be called soon after the hour's end. */
export async function observeHour(
  projects: readonly ObservedProject[],
  { agreementId, hour, revision, now, before }: { agreementId: string; hour: Date; revision: number; now: Date; before?: { at: Date; volumes: readonly SeenVolume[] } },
): Promise<Observation> {
  const things: SeenThing[] = [];
  const volumes: SeenVolume[] = [];
  for (const project of projects) {
    const [servers, seen] = await Promise.all([observeServers(project, hour, now), seeVolumes(project)]);
    things.push(...servers);
    volumes.push(...seen);
  }
  const gone = (before?.volumes ?? []).filter((each) => !volumes.some(({ id }) => id === each.id));
  for (const each of volumes) things.push(...volumeThing(each, { hour, now }));
  for (const each of gone) things.push(...volumeThing(each, { hour, now, lastSeen: before!.at }));
  const head = { agreement: agreementId, hour: hour.toISOString(), revision };
  return { statement: { ...head, level: 'hour', book_hash: '', rows: sums(things) }, peer: shownPeer(head, things), things, volumes };
}

async function observeServers({ id: project, compute: client }: ObservedProject, hour: Date, now: Date): Promise<SeenThing[]> {
  const end = new Date(hour.getTime() + hourMs);
  const { body } = await client.usages.show({ params: { tenant_id: project }, query: { start: novaTime(hour), end: novaTime(end) } });
  const usages = 'server_usages' in body.tenant_usage ? (body.tenant_usage.server_usages ?? []) : [];
  return Promise.all(
    usages.map(async ({ instance_id: id, started_at: startedAt, ended_at: endedAt, vcpus, memory_mb: memoryMiB, local_gb: diskGiB, flavor, state }) => {
      const [from, until] = [moment(startedAt), endedAt === null ? undefined : moment(endedAt)];
      const isChange = from >= hour || (until !== undefined && until <= end);
      const requests = isChange ? await requestsOf(client, id) : [];
      const request = (action: string) => requests.find((each) => each.action === action)?.request_id ?? null;
      const row = clipped({ from, until: until ?? now, hour, measures: { servers: 1, vcpus, memoryMiB, diskGiB }, state });
      // The request names the change that ended the interval, or else the one that began it.
      const event = until !== undefined && until <= end ? (request('delete') ?? `terminated ${novaTime(until)}`) : from >= hour ? (request('create') ?? `launched ${novaTime(from)}`) : null;
      return { project, resource: 'server' as const, id, rows: row ? [{ ...row, event, flavor }] : [] };
    }),
  );
}

async function requestsOf(client: ObservedProject['compute'], serverId: string): Promise<{ action: string; request_id: string }[]> {
  try {
    return (await client.instanceActions.list({ params: { server_id: serverId } })).body.instanceActions;
  } catch (error) {
    // Some clouds forget with a server what was asked of it; its times are known all the same.
    if (error instanceof Refused && error.status === 404) return [];
    throw error;
  }
}

const pageSize = 500;

async function seeVolumes({ id: projectId, volume: client }: ObservedProject): Promise<SeenVolume[]> {
  const seen: SeenVolume[] = [];
  for (let marker: string | undefined; ; ) {
    const { volumes } = (await client.volumes.detail({ query: { limit: pageSize, ...(marker === undefined ? {} : { marker }) } as never })).body;
    for (const { id, size, status, created_at: createdAt } of volumes) if (isSold(status)) seen.push({ projectId, id, sizeGiB: size, status, since: moment(createdAt ?? '').toISOString() });
    if (volumes.length < pageSize) return seen;
    marker = volumes.at(-1)?.id;
  }
}

function volumeThing({ projectId, id, sizeGiB, status, since }: SeenVolume, { hour, now, lastSeen }: { hour: Date; now: Date; lastSeen?: Date }): SeenThing[] {
  const row = clipped({ from: new Date(since), until: lastSeen ?? now, hour, measures: { volumes: 1, GiB: sizeGiB }, state: status });
  const event = lastSeen !== undefined ? `last seen ${lastSeen.toISOString()}` : new Date(since) >= hour ? `created ${since}` : null;
  return row ? [{ project: projectId, resource: 'volume', id, rows: [{ ...row, event }] }] : [];
}

/** The part of it that is in the hour. */
function clipped({ from, until, hour, measures, state }: { from: Date; until: Date; hour: Date; measures: Record<string, number>; state: string }): Omit<IntervalRow, 'event'> | undefined {
  const begin = Math.max(from.getTime(), hour.getTime());
  const end = Math.min(until.getTime(), hour.getTime() + hourMs);
  return begin < end ? { state, from: new Date(begin).toISOString(), until: new Date(end).toISOString(), measures } : undefined;
}

function sums(things: readonly SeenThing[]): SumRow[] {
  const found = new Map<string, SumRow & { total: bigint }>();
  for (const { project, resource, rows } of things)
    for (const { flavor, measure, unitMs } of unitsOf(rows)) {
      const key = JSON.stringify([project, resource, flavor, measure]);
      const sum = found.get(key) ?? { project, resource, flavor, measure, unit_ms: '0', total: 0n };
      sum.total += unitMs;
      found.set(key, sum);
    }
  return [...found.values()].map(({ total, ...row }) => ({ ...row, unit_ms: String(total) }));
}

function unitsOf(rows: readonly IntervalRow[]): { flavor: string; measure: string; unitMs: bigint }[] {
  return rows.flatMap(({ from, until, flavor = '', measures }) => Object.entries(measures).flatMap(([measure, units]) => (units === 0 ? [] : [{ flavor, measure, unitMs: BigInt(units) * BigInt(Date.parse(until) - Date.parse(from)) }])));
}

/** Answers from what was shown then. */
export function shownPeer(head: { agreement: string; hour: string; revision: number }, things: readonly SeenThing[]): Peer {
  return {
    resources({ project, resource }) {
      const rows = things.filter((each) => each.project === project && each.resource === resource).flatMap(({ id, rows: own }) => unitsOf(own).map(({ flavor, measure, unitMs }) => ({ resource_id: id, flavor, measure, unit_ms: String(unitMs) })));
      const document: ResourceStatement = { ...head, level: 'resource', project, resource, rows };
      return Promise.resolve(document);
    },
    events({ resource, resourceId }) {
      const document: EventStatement = { ...head, level: 'event', resource, resource_id: resourceId, rows: things.find(({ id }) => id === resourceId)?.rows ?? [] };
      return Promise.resolve(document);
    },
  };
}

/** OpenStack writes times of UTC without saying so. */
function moment(text: string): Date {
  const time = new Date(/Z$|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(time.getTime())) throw new Error(`"${text}" is no time`);
  return time;
}

function novaTime(time: Date): string {
  return time.toISOString().slice(0, -1);
}
