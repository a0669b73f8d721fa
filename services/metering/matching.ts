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
type Resource = SumRow['resource'];

/** Asks for finer statements; a rejection is that the peer cannot be asked now. */
export type Peer = {
  resources(ask: { project: string; resource: Resource }): Promise<ResourceStatement>;
  events(ask: { resource: Resource; resourceId: string }): Promise<EventStatement>;
};

/** Of ours: by which flavor it was sold here, and how large that is. Both are empty for what has no flavor. */
export type Sized = { flavor: string; size: string };

/** Our own count, in our ids. */
export type Own = {
  rows: readonly (SumRow & Sized)[];
  resources(ask: { project: string; resource: Resource }): Promise<readonly ({ resource_id: string; measure: string; unit_ms: string } & Sized)[]>;
  /** Also those so much before and after the hour. */
  events(ask: { resourceId: string; aroundMs: number }): Promise<readonly (IntervalRow & Sized)[]>;
  /** Of the same time, changes of what is not sold, as intervals without a length. */
  attempts(ask: { resourceId: string; aroundMs: number }): Promise<readonly (IntervalRow & Sized)[]>;
  /** The event by which it came to be as it is in this hour. */
  lastChange(resourceId: string): Promise<string | null>;
};

/** Our id of a project or thing of the peer's, and his name of a flavor of a size of ours. */
export type Counterparts = { project(peerId: string): string | undefined; resource(peerId: string): string | undefined; flavorOf(size: string): string | undefined };

export type DisputeKind = 'missing-resource' | 'duration' | 'quantity' | 'price' | 'unknown-project' | 'late' | 'contradiction';

export type Finding = {
  kind: DisputeKind;
  projectId: string | null;
  resource: Resource | null;
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
  /** What is counted on both sides. */
  resources: readonly string[];
  /** What was decided before, by our id of the thing or `peer:` and theirs. */
  resolved: ReadonlyMap<string, 'own' | 'peer'>;
  /** Which side bills: within the tolerance its count stands. */
  provider: 'own' | 'peer';
  /** Of an hour under way, by the peer's clock: what was there later may not be told of here yet. */
  settledUntil?: Date;
};

/** What is billed, with the flavor's name here, and there. */
export type AcceptedRow = SumRow & { flavor: string; there: string };

export type Matched = { accepted: AcceptedRow[]; findings: Finding[] };

/** Too early to say: it can be compared a little later. */
export class Unsettled extends Error {
  override name = 'Unsettled';
}

/** Of things that we know nothing of, so many are asked about one by one: a liar does not choose how much work he makes. */
const mostStrangers = 50;
const mostFindings = 500;

/** Throws Unsettled. */
export async function match(matching: Matching): Promise<Matched> {
  const { own, statement, counterparts, bookHash, resources } = matching;
  const findings: Finding[] = [];
  const accepted: AcceptedRow[] = [];
  if (bookHash !== '' && statement.book_hash !== '' && statement.book_hash !== bookHash)
    findings.push(finding('price', { message: `The book ${statement.book_hash} is not the one agreed on, ${bookHash}` }));
  const theirs = new Map<string, { peerProject: string; row: SumRow & { there: string } }>();
  for (const said of statement.rows) {
    const project = counterparts.project(said.project);
    const peerUnitMs = BigInt(said.unit_ms);
    if (peerUnitMs === 0n) continue;
    if (project === undefined) {
      findings.push(finding('unknown-project', { resource: said.resource, measure: said.measure, peerUnitMs, message: `No project of ours is ${said.project} there` }));
      continue;
    }
    if (!resources.includes(said.resource)) {
      findings.push(finding('quantity', { projectId: project, resource: said.resource, measure: said.measure, peerUnitMs, message: `A ${said.resource} is nothing that was agreed to be counted` }));
      continue;
    }
    const row = { ...said, project, there: thereIn(said) };
    // A row that is said twice would be counted twice.
    if (theirs.has(keyOf(row))) findings.push(finding('contradiction', { projectId: project, resource: said.resource, measure: said.measure, peerUnitMs, message: `Two sums of ${said.measure} of ${said.resource} are given for the project ${said.project}` }));
    else theirs.set(keyOf(row), { peerProject: said.project, row });
  }
  const ours = Map.groupBy(own.rows.map((row) => ({ ...row, there: thereOf(counterparts, row)[0]! })), keyOf);
  const differing = new Map<string, { project: string; peerProject: string | undefined; resource: Resource }>();
  for (const key of new Set([...ours.keys(), ...theirs.keys()])) {
    const [mine = [], other] = [ours.get(key), theirs.get(key)];
    if (mine.reduce((sum, row) => sum + BigInt(row.unit_ms), 0n) === BigInt(other?.row.unit_ms ?? '0')) continue;
    const { project, resource } = mine[0] ?? other!.row;
    differing.set(`${project} ${resource}`, { project, peerProject: undefined, resource });
  }
  for (const { peerProject, row } of theirs.values()) {
    const each = differing.get(`${row.project} ${row.resource}`);
    if (each) each.peerProject = peerProject;
  }
  for (const row of [...ours.values()].flat()) if (!differing.has(`${row.project} ${row.resource}`)) accepted.push(billed(row, row.unit_ms));
  for (const { project, peerProject, resource } of differing.values()) {
    const narrowed = await narrow(matching, { project, peerProject, resource, theirs: [...theirs.values()].filter(({ row }) => row.project === project && row.resource === resource).map(({ row }) => row) });
    findings.push(...narrowed.findings);
    accepted.push(...narrowed.accepted);
  }
  return { accepted: added(accepted), findings: bounded(findings) };
}

/** Rows of one kind are one row; what comes to nothing is none. */
function added(rows: readonly AcceptedRow[]): AcceptedRow[] {
  const groups = [...Map.groupBy(rows, (row) => `${keyOf(row)} ${row.flavor}`).entries()].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return groups.flatMap(([, group]) => {
    const sum = group.reduce((total, row) => total + BigInt(row.unit_ms), 0n);
    return sum === 0n ? [] : [billed(group[0]!, String(sum))];
  });
}

function billed({ project, resource, measure, flavor = '', there }: Omit<AcceptedRow, 'flavor'> & { flavor?: string }, unitMs: string): AcceptedRow {
  return { project, resource, flavor, there, measure, unit_ms: unitMs };
}

function bounded(findings: readonly Finding[]): Finding[] {
  if (findings.length <= mostFindings) return [...findings];
  // Who contradicts himself is named whatever else there is.
  const told = [...findings.filter(({ kind }) => kind === 'contradiction'), ...findings.filter(({ kind }) => kind !== 'contradiction')].slice(0, mostFindings);
  return [...told, finding('quantity', { message: `${findings.length - mostFindings} more differences of this hour are not told one by one` })];
}

type Differing = { project: string; peerProject: string | undefined; resource: Resource; theirs: readonly (SumRow & { there: string })[] };

/** A sum of one thing: of a measure, under the name that its flavor has there. */
type Cell = { there: string; measure: string };
type Sums = Map<string, Cell & { unitMs: bigint }>;
/** `peers`: by their id; a machine that was lost and made again is one of ours, and two of theirs. `peer`: all of them. */
type Seen = { peers: Map<string, Sums>; own: Sums; peer: Sums; /** Ours, by its name there. */ flavors: Map<string, string> };

/** One project's things of one kind. */
async function narrow(matching: Matching, { project, peerProject, resource, theirs }: Differing): Promise<Matched> {
  const { own, peer, provider, resolved } = matching;
  const [mine, statement] = await Promise.all([own.resources({ project, resource }), peerProject === undefined ? undefined : peer.resources({ project: peerProject, resource })]);
  const said = (statement?.rows ?? []).map((row) => ({ ...row, there: thereIn({ ...row, resource }) }));
  const findings: Finding[] = [];
  for (const cell of new Map([...theirs, ...said].map((row) => [cellKey(row), row])).values()) {
    const sumOf = (rows: readonly (Cell & { unit_ms: string })[]) => rows.filter((row) => cellKey(row) === cellKey(cell)).reduce((total, row) => total + BigInt(row.unit_ms), 0n);
    const [whole, parts] = [sumOf(theirs), sumOf(said)];
    if (whole !== parts) findings.push(finding('contradiction', { projectId: project, resource, measure: cell.measure, peerUnitMs: whole, message: `The sum of ${cell.measure} is said to be ${whole}, and its things add up to ${parts}` }));
  }
  // What adds up to something else than was signed proves nothing: of that only what we have counted is taken.
  const isSound = findings.length === 0;
  const things = thingsOf(matching.counterparts, resource, mine, said);
  let strangers = 0;
  const accepted: AcceptedRow[] = [];
  for (const [id, thing] of things) {
    const isStranger = thing.own.size === 0;
    if (isStranger) strangers += 1;
    const judged = isDifferent(thing) ? (isStranger && strangers > mostStrangers ? { wrong: stranger(project, resource, thing) } : await judge(matching, { project, resource, id, thing })) : {};
    const decided = resolved.get(id);
    if (judged.wrong && decided === undefined) findings.push(judged.wrong);
    for (const key of new Set([...thing.own.keys(), ...thing.peer.keys()])) {
      const [one, other] = [thing.own.get(key)?.unitMs ?? 0n, thing.peer.get(key)?.unitMs ?? 0n];
      const theProviders = provider === 'peer' ? other : one;
      const smaller = one < other ? one : other;
      const stands = !judged.wrong && isSound ? theProviders : decided === undefined ? smaller : decided === 'own' ? one : other;
      const { there, measure } = thing.own.get(key) ?? thing.peer.get(key)!;
      accepted.push({ project, resource, flavor: thing.flavors.get(there) ?? judged.flavors?.get(there) ?? there, there, measure, unit_ms: String(stands) });
    }
  }
  return { accepted, findings };
}

type ThingSum = { resource_id: string; measure: string; unit_ms: string };

function thingsOf(counterparts: Counterparts, resource: Resource, mine: readonly (ThingSum & Sized)[], said: readonly (ThingSum & { there: string })[]): Map<string, Seen> {
  const things = new Map<string, Seen>();
  const thing = (id: string): Seen => {
    const known = things.get(id) ?? { peers: new Map(), own: new Map(), peer: new Map(), flavors: new Map() };
    things.set(id, known);
    return known;
  };
  for (const { resource_id: peerId, there, measure, unit_ms: unitMs } of said) {
    const { peers, peer } = thing(counterparts.resource(peerId) ?? `peer:${peerId}`);
    const one: Sums = peers.get(peerId) ?? new Map();
    peers.set(peerId, one);
    for (const sums of [one, peer]) addTo(sums, { there, measure }, BigInt(unitMs));
  }
  for (const row of mine) {
    const { own, peer, flavors } = thing(row.resource_id);
    const names = thereOf(counterparts, { ...row, resource });
    // One that boots from a volume has no disk of its own there, and so another flavor.
    const there = names.find((name) => [...peer.values()].some((cell) => cell.there === name)) ?? names[0]!;
    flavors.set(there, row.flavor);
    addTo(own, { there, measure: row.measure }, BigInt(row.unit_ms));
  }
  return things;
}

function addTo(sums: Sums, cell: Cell, unitMs: bigint): void {
  const known = sums.get(cellKey(cell));
  if (known) known.unitMs += unitMs;
  else sums.set(cellKey(cell), { ...cell, unitMs });
}

type Thing = { project: string; resource: Resource; id: string; thing: Seen };
/** `flavors`: also those of just before and after the hour. */
type Judged = { wrong?: Finding; flavors?: Map<string, string> };

/** Every sum that differs must be within the tolerance: the first that is not is what is wrong. */
async function judge({ own, peer, counterparts, toleranceMs, settledUntil }: Matching, { project, resource, id, thing }: Thing): Promise<Judged> {
  const peerId = thing.peers.keys().next().value ?? null;
  const isOurs = !id.startsWith('peer:');
  const [known, statements] = await Promise.all([isOurs ? own.events({ resourceId: id, aroundMs: toleranceMs }) : [], Promise.all([...thing.peers].map(async ([resourceId, sums]) => ({ resourceId, sums, rows: (await peer.events({ resource, resourceId })).rows.map((row) => ({ ...row, there: thereIn({ ...row, resource }) })) })))]);
  // What is deleted here before it is seen to be there was there for a moment.
  const seen = isOurs && known.length === 0 ? await own.attempts({ resourceId: id, aroundMs: toleranceMs }) : known;
  const mine = seen.map((row) => ({ ...row, names: thereOf(counterparts, { ...row, resource }) }));
  const theirs = statements.flatMap(({ rows }) => rows);
  const changes = (rows: readonly IntervalRow[]) => rows.flatMap(({ event }) => (event === null ? [] : [event]));
  const last = isOurs && changes(mine).length === 0 ? await own.lastChange(id) : null;
  const about = { projectId: project, resource, resourceId: isOurs ? id : null, peerResourceId: peerId, ownEvents: last === null ? changes(mine) : [last], peerEvents: changes(theirs) };
  const flavors = new Map(mine.flatMap(({ names, flavor }) => names.map((name) => [name, flavor] as const)));

  const differing = [...new Set([...thing.own.keys(), ...thing.peer.keys()])].filter((key) => (thing.own.get(key)?.unitMs ?? 0n) !== (thing.peer.get(key)?.unitMs ?? 0n));
  for (const key of differing) {
    const { there, measure } = thing.own.get(key) ?? thing.peer.get(key)!;
    const [ownUnitMs, peerUnitMs] = [thing.own.get(key)?.unitMs ?? 0n, thing.peer.get(key)?.unitMs ?? 0n];
    const one = { ...about, measure, ownUnitMs, peerUnitMs };
    for (const { resourceId, sums, rows } of statements) {
      const stated = sums.get(key)?.unitMs ?? 0n;
      const told = rows.filter((row) => row.there === there).reduce((sum, row) => sum + BigInt(row.measures[measure] ?? 0) * lengthOf(row), 0n);
      if (told !== stated) return { wrong: finding('contradiction', { ...one, peerResourceId: resourceId, message: `${measure} of ${resourceId} is said to be ${stated}, and its events add up to ${told}` }) };
    }
    if (mine.length === 0 && settledUntil && theirs.some((row) => Date.parse(row.until) > settledUntil.getTime())) throw new Unsettled(`${peerId ?? id} is too new there to be looked for here: ask again in a minute`);
    if (mine.length === 0) return { wrong: finding('missing-resource', { ...one, message: `${peerId ?? id} is counted there, and there is no such ${resource} here` }) };
    if (theirs.length > 0 && peerUnitMs > 0n && !flavors.has(there)) return { wrong: finding('quantity', { ...one, message: `${id} is a ${[...new Set(flavors.keys())].join(' or a ')} by our count, and a ${there} by theirs` }) };
    // A disk that is a volume is counted as one there.
    if (measure === 'diskGiB' && theirs.length > 0 && theirs.every((row) => (row.measures[measure] ?? 0) === 0)) continue;
    const units = BigInt(Math.max(0, ...mine.map((row) => row.measures[measure] ?? 0)));
    const allowed = BigInt(toleranceMs) * units * BigInt(changes(mine).length);
    const difference = ownUnitMs > peerUnitMs ? ownUnitMs - peerUnitMs : peerUnitMs - ownUnitMs;
    if (difference <= allowed) continue;
    if (theirs.length === 0) return { wrong: finding('missing-resource', { ...one, message: `${id} is counted here, and there is no such ${resource} there` }) };
    const sizes = (rows: readonly IntervalRow[]) => new Set(rows.map((row) => row.measures[measure] ?? 0));
    if (!sizes(theirs).isSubsetOf(sizes(mine))) return { wrong: finding('quantity', { ...one, message: `${id} has ${[...sizes(mine)].join(', ')} ${measure} here, and ${[...sizes(theirs)].join(', ')} there` }) };
    return { wrong: finding('duration', { ...one, message: `${id} was there for ${lengths(mine)} here, and for ${lengths(theirs)} there` }) };
  }
  return { flavors };
}

/** One of very many that we know nothing of: its events are not asked for. */
function stranger(project: string, resource: Resource, { peers, peer }: Seen): Finding {
  const peerId = peers.keys().next().value ?? null;
  const [first] = peer.values();
  return finding('missing-resource', { projectId: project, resource, peerResourceId: peerId, measure: first?.measure ?? null, peerUnitMs: first?.unitMs ?? 0n, message: `${peerId} is counted there, and there is no such ${resource} here` });
}

function finding(kind: DisputeKind, about: Partial<Finding> & { message: string }): Finding {
  return { kind, projectId: null, resource: null, resourceId: null, peerResourceId: null, measure: null, ownUnitMs: 0n, peerUnitMs: 0n, ownEvents: [], peerEvents: [], ...about };
}

/** The name that the peer gives it. Only sizes of servers are known on both sides. */
function thereIn({ resource, flavor = '' }: { resource: Resource; flavor?: string }): string {
  return resource === 'server' ? flavor : '';
}

/** The names that ours may have there: of its size, of that size without a disk, or the same where nothing is said of sizes. */
function thereOf({ flavorOf }: Counterparts, { resource, flavor, size }: { resource: Resource } & Sized): string[] {
  if (resource !== 'server') return [''];
  const names = [flavorOf(size), flavorOf(size.replace(/-\d+$/, '-0'))].filter((name) => name !== undefined);
  return names.length === 0 ? [flavor] : [...new Set(names)];
}

function keyOf({ project, resource, measure, there }: Pick<AcceptedRow, 'project' | 'resource' | 'measure' | 'there'>): string {
  return JSON.stringify([project, resource, there, measure]);
}

function cellKey({ there, measure }: Cell): string {
  return JSON.stringify([there, measure]);
}

function isDifferent({ own, peer }: Seen): boolean {
  return [...new Set([...own.keys(), ...peer.keys()])].some((key) => (own.get(key)?.unitMs ?? 0n) !== (peer.get(key)?.unitMs ?? 0n));
}

function lengthOf({ from, until }: IntervalRow): bigint {
  return BigInt(Date.parse(until) - Date.parse(from));
}

function lengths(rows: readonly IntervalRow[]): string {
  return `${Number(rows.reduce((sum, row) => sum + lengthOf(row), 0n)) / 1000} s`;
}
