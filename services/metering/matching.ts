/**
 * Two counts of the same hour, compared: first the sums, then thing by thing where they differ, then event by event.
 * Asks the peer only for what is needed to name what is wrong. Knows no database and no wire.
 *
 * What each side says of a change may be off by the tolerance; of an hour in which nothing changed nothing may be off.
 * So a peer can claim no more than its tolerance for each change that we have seen ourselves.
 */
import type { Static } from 'typebox';
import type { AcceptedDocument, EventDocument, HourDocument, ResourceDocument } from '../../contract/intercloud/metering/statements.ts';

export type HourStatement = Static<typeof HourDocument>;
export type ResourceStatement = Static<typeof ResourceDocument>;
export type EventStatement = Static<typeof EventDocument>;
export type AcceptedStatement = Static<typeof AcceptedDocument>;
export type SumRow = HourStatement['rows'][number];
export type IntervalRow = EventStatement['rows'][number];

/** Asks for finer statements; a rejection is that the peer cannot be asked now. */
export type Peer = {
  resources(ask: { project: string; resource: SumRow['resource'] }): Promise<ResourceStatement>;
  events(ask: { resource: SumRow['resource']; resourceId: string }): Promise<EventStatement>;
};

/** Our own count, in our ids. */
export type Own = {
  rows: readonly SumRow[];
  resources(ask: { project: string; resource: SumRow['resource'] }): Promise<readonly { resource_id: string; measure: string; unit_ms: string }[]>;
  /** Also those so much before and after the hour. */
  events(ask: { resourceId: string; aroundMs: number }): Promise<readonly IntervalRow[]>;
  /** The event by which it came to be as it is in this hour. */
  lastChange(resourceId: string): Promise<string | null>;
};

/** Our id of a project or thing of the peer's. */
export type Counterparts = { project(peerId: string): string | undefined; resource(peerId: string): string | undefined };

export type DisputeKind = 'missing-resource' | 'duration' | 'quantity' | 'price' | 'unknown-project' | 'late' | 'contradiction';

export type Finding = {
  kind: DisputeKind;
  projectId: string | null;
  resource: SumRow['resource'] | null;
  resourceId: string | null;
  peerResourceId: string | null;
  measure: string | null;
  ownUnitMs: bigint;
  peerUnitMs: bigint;
  ownEvents: string[];
  peerEvents: string[];
  message: string;
};

export type Matching = {
  own: Own;
  statement: HourStatement;
  peer: Peer;
  counterparts: Counterparts;
  toleranceMs: number;
  bookHash: string;
  /** What was decided before, by our id of the thing or `peer:` and theirs. */
  resolved: ReadonlyMap<string, 'own' | 'peer'>;
  /** Which side bills: within the tolerance its count stands. */
  provider: 'own' | 'peer';
};

export type Matched = { accepted: SumRow[]; findings: Finding[] };

export async function match(matching: Matching): Promise<Matched> {
  const { own, statement, counterparts, bookHash } = matching;
  const findings: Finding[] = [];
  const accepted: SumRow[] = [];
  if (bookHash !== '' && statement.book_hash !== '' && statement.book_hash !== bookHash)
    findings.push(finding('price', { message: `The book ${statement.book_hash} is not the one agreed on, ${bookHash}` }));
  const theirs = new Map<string, { peerProject: string; row: SumRow }>();
  for (const row of statement.rows) {
    const project = counterparts.project(row.project);
    if (project === undefined) {
      if (row.unit_ms !== '0') findings.push(finding('unknown-project', { resource: row.resource, measure: row.measure, peerUnitMs: BigInt(row.unit_ms), message: `No project of ours is ${row.project} there` }));
      continue;
    }
    const key = keyOf({ ...row, project });
    const known = theirs.get(key);
    // A row that is said twice would be counted twice.
    if (known) findings.push(finding('contradiction', { projectId: project, resource: row.resource, measure: row.measure, peerUnitMs: BigInt(row.unit_ms), message: `Two sums of ${row.measure} of ${row.resource} are given for the project ${row.project}` }));
    else theirs.set(key, { peerProject: row.project, row: { ...row, project } });
  }
  const ours = new Map(own.rows.map((row) => [keyOf(row), row]));
  const differing = new Map<string, { project: string; peerProject: string | undefined; resource: SumRow['resource'] }>();
  for (const key of new Set([...ours.keys(), ...theirs.keys()])) {
    const [mine, other] = [ours.get(key), theirs.get(key)];
    const row = mine ?? other!.row;
    if ((mine?.unit_ms ?? '0') === (other?.row.unit_ms ?? '0')) accepted.push(row);
    else differing.set(`${row.project} ${row.resource}`, { project: row.project, peerProject: other?.peerProject ?? differing.get(`${row.project} ${row.resource}`)?.peerProject, resource: row.resource });
  }
  for (const { project, peerProject, resource } of differing.values()) {
    const narrowed = await narrow(matching, { project, peerProject, resource, theirs: [...theirs.values()].filter(({ row }) => row.project === project && row.resource === resource).map(({ row }) => row) });
    findings.push(...narrowed.findings);
    const already = new Set(accepted.map(keyOf));
    accepted.push(...narrowed.accepted.filter((row) => !already.has(keyOf(row))));
  }
  return { accepted: accepted.filter(({ unit_ms }) => unit_ms !== '0').toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1)), findings };
}

type Differing = { project: string; peerProject: string | undefined; resource: SumRow['resource']; theirs: readonly SumRow[] };

/** One project's things of one kind. */
async function narrow(matching: Matching, { project, peerProject, resource, theirs }: Differing): Promise<Matched> {
  const { own, peer, counterparts, provider, resolved } = matching;
  const [mine, statement] = await Promise.all([own.resources({ project, resource }), peerProject === undefined ? undefined : peer.resources({ project: peerProject, resource })]);
  const findings: Finding[] = [];
  for (const { measure, unit_ms: said } of theirs) {
    const sum = (statement?.rows ?? []).filter((row) => row.measure === measure).reduce((total, row) => total + BigInt(row.unit_ms), 0n);
    if (String(sum) !== said) findings.push(finding('contradiction', { projectId: project, resource, measure, peerUnitMs: BigInt(said), message: `The sum of ${measure} is said to be ${said}, and its things add up to ${sum}` }));
  }
  // What adds up to something else than was signed proves nothing: of that only what we have counted is taken.
  const isSound = findings.length === 0;
  const things = new Map<string, { peerId: string | null; own: Map<string, bigint>; peer: Map<string, bigint> }>();
  const thing = (id: string, peerId: string | null) => {
    const known = things.get(id) ?? { peerId, own: new Map<string, bigint>(), peer: new Map<string, bigint>() };
    things.set(id, { ...known, peerId: known.peerId ?? peerId });
    return things.get(id)!;
  };
  for (const { resource_id: id, measure, unit_ms: unitMs } of mine) thing(id, null).own.set(measure, BigInt(unitMs));
  for (const { resource_id: peerId, measure, unit_ms: unitMs } of statement?.rows ?? []) {
    const each = thing(counterparts.resource(peerId) ?? `peer:${peerId}`, peerId).peer;
    each.set(measure, (each.get(measure) ?? 0n) + BigInt(unitMs));
  }
  const accepted = new Map<string, bigint>();
  for (const [id, { peerId, own: ownSums, peer: peerSums }] of things) {
    const wrong = isDifferent(ownSums, peerSums) ? await judge(matching, { project, resource, id, peerId, ownSums, peerSums }) : undefined;
    const decided = resolved.get(id);
    if (wrong && decided === undefined) findings.push(wrong);
    for (const measure of new Set([...ownSums.keys(), ...peerSums.keys()])) {
      const [one, other] = [ownSums.get(measure) ?? 0n, peerSums.get(measure) ?? 0n];
      const billed = provider === 'peer' ? other : one;
      const smaller = one < other ? one : other;
      const stands = !wrong && isSound ? billed : decided === undefined ? smaller : decided === 'own' ? one : other;
      accepted.set(measure, (accepted.get(measure) ?? 0n) + stands);
    }
  }
  return { accepted: [...accepted].map(([measure, unitMs]) => ({ project, resource, measure, unit_ms: String(unitMs) })), findings };
}

type Thing = { project: string; resource: SumRow['resource']; id: string; peerId: string | null; ownSums: ReadonlyMap<string, bigint>; peerSums: ReadonlyMap<string, bigint> };

/** Undefined when it is within the tolerance. */
async function judge({ own, peer, toleranceMs }: Matching, { project, resource, id, peerId, ownSums, peerSums }: Thing): Promise<Finding | undefined> {
  const isOurs = !id.startsWith('peer:');
  const [mine, statement] = await Promise.all([isOurs ? own.events({ resourceId: id, aroundMs: toleranceMs }) : [], peerId === null ? undefined : peer.events({ resource, resourceId: peerId })]);
  const theirs = statement?.rows ?? [];
  const measure = [...new Set([...ownSums.keys(), ...peerSums.keys()])].find((name) => (ownSums.get(name) ?? 0n) !== (peerSums.get(name) ?? 0n))!;
  const [ownUnitMs, peerUnitMs] = [ownSums.get(measure) ?? 0n, peerSums.get(measure) ?? 0n];
  const changes = (rows: readonly IntervalRow[]) => rows.flatMap(({ event }) => (event === null ? [] : [event]));
  const last = isOurs && changes(mine).length === 0 ? await own.lastChange(id) : null;
  const ownEvents = last === null ? changes(mine) : [last];
  const about = { projectId: project, resource, resourceId: isOurs ? id : null, peerResourceId: peerId, measure, ownUnitMs, peerUnitMs, ownEvents, peerEvents: changes(theirs) };
  const told = theirs.reduce((sum, row) => sum + BigInt(row.measures[measure] ?? 0) * lengthOf(row), 0n);
  if (peerId !== null && told !== peerUnitMs) return finding('contradiction', { ...about, message: `${measure} of ${peerId} is said to be ${peerUnitMs}, and its events add up to ${told}` });
  const units = BigInt(Math.max(0, ...[...mine, ...theirs].map((row) => row.measures[measure] ?? 0)));
  const allowed = BigInt(toleranceMs) * units * BigInt(changes(mine).length);
  const difference = ownUnitMs > peerUnitMs ? ownUnitMs - peerUnitMs : peerUnitMs - ownUnitMs;
  if (difference <= allowed && mine.length > 0) return undefined;
  if (mine.length === 0) return finding('missing-resource', { ...about, message: `${peerId ?? id} is counted there, and there is no such ${resource} here` });
  if (theirs.length === 0) return finding('missing-resource', { ...about, message: `${id} is counted here, and there is no such ${resource} there` });
  const sizes = (rows: readonly IntervalRow[]) => new Set(rows.map((row) => row.measures[measure] ?? 0));
  if (!sizes(theirs).isSubsetOf(sizes(mine))) return finding('quantity', { ...about, message: `${id} has ${[...sizes(mine)].join(', ')} ${measure} here, and ${[...sizes(theirs)].join(', ')} there` });
  return finding('duration', { ...about, message: `${id} was there for ${lengths(mine)} here, and for ${lengths(theirs)} there` });
}

function finding(kind: DisputeKind, about: Partial<Finding> & { message: string }): Finding {
  return { kind, projectId: null, resource: null, resourceId: null, peerResourceId: null, measure: null, ownUnitMs: 0n, peerUnitMs: 0n, ownEvents: [], peerEvents: [], ...about };
}

function keyOf({ project, resource, measure }: Pick<SumRow, 'project' | 'resource' | 'measure'>): string {
  return `${project} ${resource} ${measure}`;
}

function isDifferent(one: ReadonlyMap<string, bigint>, other: ReadonlyMap<string, bigint>): boolean {
  return [...new Set([...one.keys(), ...other.keys()])].some((measure) => (one.get(measure) ?? 0n) !== (other.get(measure) ?? 0n));
}

function lengthOf({ from, until }: IntervalRow): bigint {
  return BigInt(Date.parse(until) - Date.parse(from));
}

function lengths(rows: readonly IntervalRow[]): string {
  return `${Number(rows.reduce((sum, row) => sum + lengthOf(row), 0n)) / 1000} s`;
}
