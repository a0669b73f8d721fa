/**
 * Counting on both sides: what we say of an hour, what the peer says, and what comes of it. Everything that is said is
 * signed and kept; whoever signs two things of which one is not so is named.
 */
import { createHash } from 'node:crypto';
import type { Clock, Random } from '../../kit/clock.ts';
import { emit } from '../../kit/events/events.ts';
import { badRequest, conflict, Fault, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import { canonical, judge, signDocument, type Plain, type Signed, type SigningKey } from '../../kit/signed.ts';
import {
  attemptsOf, changeBefore, deleteOpenDisputes, findAgreement, findDispute, findStatement, forgetMatched, forgetUnknown, hourStates, hoursToMatch, insertAgreement, insertDispute, insertStatement, intervalsOf, lastStated, listAgreements, listCounterparts,
  listDisputes, lockAgreement, matchedRows, resourcesOfHour, saveCounterparts, saveMatched, setKeys, setResolved, sumsOfHour,
  type Agreement, type Counterpart, type Dispute, type HourState,
} from './agreements.store.ts';
import { match, type AcceptedRow, type AcceptedStatement, type Counterparts, type EventStatement, type Finding, type HourStatement, type Own, type Peer, type ResourceStatement, type Sized, type SumRow } from './matching.ts';
import { hourMs } from './usage.ts';
import { holdRegion, listRegions } from './usage.store.ts';

export type { Agreement, Dispute, HourState } from './agreements.store.ts';
export type { AcceptedStatement, EventStatement, HourStatement, Peer, ResourceStatement, SumRow } from './matching.ts';

/** The key by which this cloud signs; made when there is none. */
export type Signing = (tx: Transaction) => Promise<SigningKey>;

const systemScope = { kind: 'system', reason: 'usage is compared with a peer' } as const;
/** A statement is evidence for as long as bills may be argued about. */
const validMs = 400 * 24 * hourMs;
/** For so long it is looked whether what was told late changes an hour that was stated. */
export const revisedMs = 6 * hourMs;

/** Within so long home is told of what was done in a region, and what it is called at the partner. */
const settlesMs = 60_000;

/** Clocks of two owners may differ by so much, as in kit/signed.ts. */
const skewMs = 11 * 60_000;
const mostKeys = 64;

export const allAgreements = listAgreements;

/** All for administrators; for a region those about it, which it has proved to be; for everybody else those of his domain. */
export async function visibleAgreements({ tx, caller }: Context, { region }: { /** The caller's own. */ region?: string }): Promise<Agreement[]> {
  const all = await listAgreements(tx);
  if (region !== undefined) return all.filter((each) => each.region === region);
  return all.filter((each) => isSeen(each, caller));
}

export async function getAgreement(tx: Transaction, id: string): Promise<Agreement> {
  const agreement = await findAgreement(tx, id);
  if (!agreement) throw noAgreement(id);
  return agreement;
}

export async function createAgreement({ tx, now, requestId }: Context, wish: Omit<Agreement, 'createdAt' | 'asked'>): Promise<Agreement> {
  if (await findAgreement(tx, wish.id)) throw conflict(`There is an agreement ${wish.id} already`);
  if (wish.role === 'provider' && wish.domainId === null) throw badRequest('A provider says in which domain the peer uses his cloud', 'invalid');
  const agreement = { ...wish, createdAt: now };
  await insertAgreement(tx, agreement);
  await emit(tx, { now: () => now }, { type: 'agreement.create', resource: 'agreement', resourceId: agreement.id, requestId, payload: { role: wish.role } });
  return { ...agreement, asked: null };
}

export async function setCounterparts({ tx, now, requestId }: Context, id: string, counterparts: readonly Counterpart[]): Promise<void> {
  await getAgreement(tx, id);
  await saveCounterparts(tx, id, counterparts);
  await forgetUnknown(tx, id, { peerIds: counterparts.map(({ peerId }) => peerId), ownIds: counterparts.map(({ ownId }) => ownId) });
  await emit(tx, { now: () => now }, { type: 'agreement.update', resource: 'agreement', resourceId: id, requestId, payload: {} });
}

/** Who was let in as the peer says by which keys he signs from now on. What the old ones have signed stays good. */
export async function addKeys(context: Context, id: string, keys: Agreement['keys']): Promise<void> {
  const { tx, now, requestId } = context;
  await getForPeer(context, id);
  if (await rememberKeys(tx, id, keys)) await emit(tx, { now: () => now }, { type: 'agreement.update', resource: 'agreement', resourceId: id, requestId, payload: { keys: keys.map((each) => each.id) } });
}

/** Whether one of them is new. A key that has a name already keeps it. */
export async function rememberKeys(tx: Transaction, id: string, keys: Agreement['keys']): Promise<boolean> {
  const agreement = await lockAgreement(tx, id);
  if (!agreement) throw noAgreement(id);
  const fresh = keys.filter((each) => !agreement.keys.some((known) => known.id === each.id));
  if (fresh.length === 0) return false;
  if (agreement.keys.length + fresh.length > mostKeys) throw conflict(`${agreement.peer} has shown ${mostKeys} keys already`);
  await setKeys(tx, id, [...agreement.keys, ...fresh]);
  return true;
}

// What we say

export type Ask = { level: 'hour' } | { level: 'resource'; project: string; resource: SumRow['resource'] } | { level: 'event'; resource: SumRow['resource']; resourceId: string };

/** For administrators, and for who uses the peer's domain here; for everybody else there is no such agreement. */
export async function getForPeer({ tx, caller }: Context, id: string): Promise<Agreement> {
  const agreement = await findAgreement(tx, id);
  if (!agreement || !isSeen(agreement, caller)) throw noAgreement(id);
  return agreement;
}

function isSeen({ role, domainId }: Agreement, caller: Context['caller']): boolean {
  return caller.isAdmin || (role === 'provider' && domainId !== null && (caller.domainId === domainId || caller.projectDomainId === domainId));
}

/** As far as it is told; when more is, the next revision follows. */
export async function stateNow(context: Context, id: string, hour: Date, signing: Signing): Promise<Signed<Plain>> {
  const { tx, now } = context;
  await getForPeer(context, id);
  const agreement = (await lockAgreement(tx, id))!;
  if (hour.getTime() < floorHour(agreement.createdAt) || hour > now) throw conflict(`${hour.toISOString()} is no hour of this agreement yet`);
  await stateHour(tx, { agreement, hour, signing, now });
  return (await findStatement(tx, id, hour, 'own'))!.signed;
}

export async function listHours(tx: Transaction, id: string, period: { from: Date; until: Date }): Promise<HourState[]> {
  await getAgreement(tx, id);
  return hourStates(tx, id, period);
}

export async function showStatement(tx: Transaction, { agreement, hour, ask, signing, now }: { agreement: Agreement; hour: Date; ask: Ask; signing: Signing; now: Date }): Promise<Signed<Plain>> {
  const stated = await findStatement(tx, agreement.id, hour, 'own');
  if (!stated) throw new Fault(409, 'hour-incomplete', `Not all of ${hour.toISOString()} is told yet in ${agreement.region}, or the hour is before the agreement`);
  if (ask.level === 'hour') return stated.signed;
  const head = { agreement: agreement.id, hour: hour.toISOString(), revision: stated.revision };
  return signDocument(asPlain(await finer(tx, agreement, { hour, ask, head, before: stated.usageBefore })), await signing(tx), datesFrom(now));
}

/** States every hour that is whole; again with the next revision, where what was told late has changed it. */
export async function stateHours({ database, clock, signing }: Pick<Comparing, 'database' | 'clock' | 'signing'>): Promise<void> {
  const { agreements, regions } = await database.read(systemScope, async (tx) => ({ agreements: await listAgreements(tx), regions: await listRegions(tx) }));
  for (const agreement of agreements) {
    const through = regions.find(({ region }) => region === agreement.region)?.through;
    if (!through) continue;
    const whole = Math.floor(through.getTime() / hourMs) * hourMs;
    const last = await database.read(systemScope, (tx) => lastStated(tx, agreement.id));
    const begin = last === null ? floorHour(agreement.createdAt) : Math.min(last.getTime() + hourMs, whole) - revisedMs;
    for (let hour = Math.max(begin, floorHour(agreement.createdAt)); hour < whole; hour += hourMs)
      await database.transaction(systemScope, async (tx) => {
        // Two who state the same hour at once would sign two things of one revision.
        await lockAgreement(tx, agreement.id);
        await stateHour(tx, { agreement, hour: new Date(hour), signing, now: clock.now() });
      });
  }
}

async function stateHour(tx: Transaction, { agreement, hour, signing, now }: { agreement: Agreement; hour: Date; signing: Signing; now: Date }): Promise<void> {
  const usageBefore = await holdRegion(tx, agreement.region);
  const before = await findStatement(tx, agreement.id, hour, 'own');
  const document: HourStatement = { agreement: agreement.id, hour: hour.toISOString(), revision: before?.revision ?? 1, level: 'hour', book_hash: agreement.bookHash, rows: stated(await sumsOfHour(tx, agreement, hour)) };
  if (before && canonical(before.signed.document) === canonical(asPlain(document))) return;
  const revision = before ? before.revision + 1 : 1;
  const signed = signDocument(asPlain({ ...document, revision }), await signing(tx), datesFrom(now));
  await insertStatement(tx, { agreementId: agreement.id, hour, side: 'own', revision, signed, at: now, usageBefore });
}

/** The same for an hour that is under way. */
export function stateOwn({ database, clock, signing }: Pick<Comparing, 'database' | 'clock' | 'signing'>, { id }: Agreement, hour: Date): Promise<void> {
  return database.transaction(systemScope, async (tx) => {
    const agreement = await lockAgreement(tx, id);
    if (agreement) await stateHour(tx, { agreement, hour, signing, now: clock.now() });
  });
}

/** Without the sizes, which are the other's to know by himself. */
function stated(rows: readonly (SumRow & { flavor: string })[]): SumRow[] {
  return [...Map.groupBy(rows, ({ project, resource, flavor, measure }) => JSON.stringify([project, resource, flavor, measure])).values()].map((group) => {
    const { project, resource, flavor, measure } = group[0]!;
    return { project, resource, flavor, measure, unit_ms: String(group.reduce((sum, row) => sum + BigInt(row.unit_ms), 0n)) };
  });
}

function floorHour(moment: Date): number {
  return Math.floor(moment.getTime() / hourMs) * hourMs;
}

function datesFrom(now: Date): { issuedAt: Date; expiresAt: Date } {
  return { issuedAt: now, expiresAt: new Date(now.getTime() + validMs) };
}

type Finer = { hour: Date; ask: Exclude<Ask, { level: 'hour' }>; head: { agreement: string; hour: string; revision: number }; before: number | null };

/** What was stated, in more detail: what was told since is in the next revision. */
async function finer(tx: Transaction, agreement: Agreement, { hour, ask, head, before }: Finer): Promise<ResourceStatement | EventStatement> {
  if (ask.level === 'resource') return { ...head, level: 'resource', project: ask.project, resource: ask.resource, rows: (await resourcesOfHour(tx, agreement, hour, { ...ask, before })).map(({ resource_id, flavor, measure, unit_ms }) => ({ resource_id, flavor, measure, unit_ms })) };
  const rows = await intervalsOf(tx, agreement, { resourceId: ask.resourceId, from: hour, until: new Date(hour.getTime() + hourMs), before });
  // One that ends where the hour begins is of the hour before.
  return { ...head, level: 'event', resource: ask.resource, resource_id: ask.resourceId, rows: rows.filter(({ from, until }) => Math.min(Date.parse(from), Date.parse(until)) >= hour.getTime()).map(({ event, state, from, until, flavor, measures }) => ({ event, state, from, until, flavor, measures })) };
}

// What the peer says

/** Whether it is news. */
export async function takeStatement({ tx, now, requestId, random }: Pick<Context, 'tx' | 'now' | 'random'> & { requestId: string | undefined }, id: string, hour: Date, signed: Signed<Plain>): Promise<boolean> {
  const agreement = await lockAgreement(tx, id);
  if (!agreement) throw noAgreement(id);
  const document = signed.document as unknown as HourStatement;
  demandGood(agreement, signed, now);
  if (document.agreement !== id || new Date(document.hour).getTime() !== hour.getTime()) throw badRequest(`It is a statement of ${document.agreement} and ${document.hour}`, 'invalid');
  if (hour.getTime() < floorHour(agreement.createdAt)) throw conflict(`${hour.toISOString()} was before the agreement`);
  if (hour.getTime() > now.getTime() + skewMs) throw conflict(`${hour.toISOString()} has not begun`, 'not-yet');
  const before = await findStatement(tx, id, hour, 'peer');
  if (before && document.revision < before.revision) throw conflict(`The revision ${before.revision} of this hour was taken before: ${document.revision} is not news`, 'replayed');
  if (before?.revision === document.revision) {
    if (canonical(before.signed.document) !== canonical(signed.document)) await dispute(tx, { random, now }, agreement, hour, equivocation(document.revision, [before.signed, signed]));
    return false;
  }
  await insertStatement(tx, { agreementId: id, hour, side: 'peer', revision: document.revision, signed, at: now });
  if (now.getTime() > hour.getTime() + hourMs * (1 + agreement.lateHours)) await dispute(tx, { random, now }, agreement, hour, plainFinding('late', `It came ${Math.floor((now.getTime() - hour.getTime()) / hourMs)} hours after the hour began, and ${agreement.lateHours} are agreed on`));
  await emit(tx, { now: () => now }, { type: 'agreement.statement', resource: 'agreement', resourceId: id, requestId, payload: { hour: hour.toISOString(), revision: document.revision } });
  return true;
}

/** What was observed of a provider who says nothing himself, signed by us as what we have seen. */
export async function keepObserved(tx: Transaction, agreement: Agreement, { statement, signing, now }: { statement: HourStatement; signing: Signing; now: Date }): Promise<void> {
  const hour = new Date(statement.hour);
  const before = await findStatement(tx, agreement.id, hour, 'peer');
  const same = before && canonical(before.signed.document) === canonical(asPlain({ ...statement, revision: before.revision }));
  if (same) return;
  const revision = (before?.revision ?? 0) + 1;
  const signed = signDocument(asPlain({ ...statement, revision }), await signing(tx), datesFrom(now));
  await insertStatement(tx, { agreementId: agreement.id, hour, side: 'peer', revision, signed, at: now });
}

/** What the consumer takes for used: the provider bills by it, as far as he has said it himself. */
export async function takeAccepted(context: Context, id: string, hour: Date, signed: Signed<Plain>): Promise<void> {
  const { tx, now, random } = context;
  const agreement = await getForPeer(context, id);
  if (agreement.role !== 'provider') throw forbidden('Only a consumer accepts what he is billed');
  const document = signed.document as unknown as AcceptedStatement;
  demandGood(agreement, signed, now);
  if (document.agreement !== id || new Date(document.hour).getTime() !== hour.getTime()) throw badRequest(`It is a statement of ${document.agreement} and ${document.hour}`, 'invalid');
  const before = await findStatement(tx, id, hour, 'accepted');
  if (before && document.revision <= before.revision) {
    if (document.revision < before.revision) throw conflict(`The revision ${before.revision} of this hour was taken before`, 'replayed');
    if (canonical(before.signed.document) !== canonical(signed.document)) await dispute(tx, { random, now }, agreement, hour, equivocation(document.revision, [before.signed, signed]));
    return;
  }
  await insertStatement(tx, { agreementId: id, hour, side: 'accepted', revision: document.revision, signed, at: now });
  const stated = (await findStatement(tx, id, hour, 'own'))?.signed.document as unknown as HourStatement | undefined;
  await saveMatched(tx, { agreementId: id, hour, ownRevision: stated?.revision ?? 0, peerRevision: document.revision, rows: document.rows, at: now });
  for (const { kind, resource_id: resourceId } of document.disputes)
    await dispute(tx, { random, now }, agreement, hour, { ...plainFinding('quantity', `The consumer says: ${kind}`), resourceId, kind: isKind(kind) ? kind : 'quantity' });
  const missing = document.disputes.length > 0 ? undefined : (stated?.rows ?? []).find((row) => !document.rows.some((each) => each.project === row.project && each.resource === row.resource && each.flavor === row.flavor && each.measure === row.measure && each.unit_ms === row.unit_ms));
  if (missing) await dispute(tx, { random, now }, agreement, hour, { ...plainFinding('quantity', `The consumer does not accept ${missing.unit_ms} of ${missing.measure}, and says no reason`), projectId: missing.project, resource: missing.resource, measure: missing.measure, ownUnitMs: BigInt(missing.unit_ms) });
}

// Comparing

export type Comparing = { database: Database; clock: Pick<Clock, 'now'>; random: Pick<Random, 'uuid'>; signing: Signing };

export type Matches = { matched: number; /** Hours that could not be compared now, and why. */ failed: { hour: Date; cause: unknown }[] };

/** Compares all hours of which one of both has said something new. A peer that cannot be asked about one is asked again later. */
export async function matchHours(comparing: Comparing, agreement: Agreement, peerOf: (hour: Date, statement: HourStatement) => Peer): Promise<Matches> {
  const { database } = comparing;
  const { hours, maps } = await database.read(systemScope, async (tx) => {
    const due = await hoursToMatch(tx, agreement.id);
    return { hours: due, maps: due.length === 0 ? counterpartsOf([]) : counterpartsOf(await listCounterparts(tx, agreement.id)) };
  });
  const failed: Matches['failed'] = [];
  for (const { hour, ownRevision } of hours) {
    try {
      await matchHour(comparing, agreement, { hour, ownRevision, maps, peerOf });
    } catch (cause) {
      // What is wrong with one hour keeps nobody from the others.
      failed.push({ hour, cause });
    }
  }
  return { matched: hours.length - failed.length, failed };
}

type OneHour = { hour: Date; ownRevision: number; maps: Counterparts; peerOf: (hour: Date, statement: HourStatement) => Peer };

async function matchHour({ database, clock, random, signing }: Comparing, agreement: Agreement, { hour, ownRevision, maps, peerOf }: OneHour): Promise<void> {
  const now = clock.now();
  const { kept, rows, resolved } = await database.read(systemScope, async (tx) => ({
    kept: await findStatement(tx, agreement.id, hour, 'peer'),
    rows: await sumsOfHour(tx, agreement, hour),
    resolved: await listDisputes(tx, { agreementId: agreement.id, hour, status: 'resolved' }),
  }));
  const statement = kept!.signed.document as unknown as HourStatement;
  const { accepted, findings } = await match({
    own: ownCount(database, agreement, hour, rows),
    statement,
    peer: peerOf(hour, statement),
    counterparts: maps,
    toleranceMs: agreement.toleranceSeconds * 1_000,
    bookHash: agreement.bookHash,
    resources: agreement.resources,
    resolved: new Map(resolved.flatMap(({ resourceId, peerResourceId, inFavour }) => (inFavour === null ? [] : [[resourceId ?? `peer:${peerResourceId}`, inFavour] as const]))),
    provider: agreement.role === 'consumer' ? 'peer' : 'own',
    ...(now.getTime() < hour.getTime() + hourMs ? { settledUntil: new Date(Date.parse(kept!.signed.issuedAt) + now.getTime() - kept!.takenAt.getTime() - settlesMs) } : {}),
  });
  await database.transaction(systemScope, async (tx) => {
    await lockAgreement(tx, agreement.id);
    await deleteOpenDisputes(tx, agreement.id, hour);
    const disputes: Dispute[] = [];
    for (const found of findings) disputes.push(await dispute(tx, { random, now }, agreement, hour, found));
    await saveMatched(tx, { agreementId: agreement.id, hour, ownRevision, peerRevision: kept!.revision, rows: accepted, at: now });
    await accept(tx, { agreement, hour, accepted, disputes, signing, now });
  });
}

/** Says it to the provider, in the ids and names that he knows; once, as long as nothing is different. */
async function accept(tx: Transaction, { agreement, hour, accepted, disputes, signing, now }: { agreement: Agreement; hour: Date; accepted: readonly AcceptedRow[]; disputes: readonly Dispute[]; signing: Signing; now: Date }): Promise<void> {
  if (agreement.role !== 'consumer') return;
  const theirs = new Map((await listCounterparts(tx, agreement.id)).filter(({ kind }) => kind === 'project').map(({ ownId, peerId }) => [ownId, peerId]));
  const before = await findStatement(tx, agreement.id, hour, 'accepted');
  const document: AcceptedStatement = {
    agreement: agreement.id,
    hour: hour.toISOString(),
    revision: before?.revision ?? 1,
    level: 'accepted',
    rows: stated(accepted.map(({ there, ...row }) => ({ ...row, flavor: there, project: theirs.get(row.project) ?? row.project }))),
    disputes: disputes.map(({ id, kind, peerResourceId }) => ({ id, kind, resource_id: peerResourceId })),
  };
  if (before && canonical(before.signed.document) === canonical(asPlain(document))) return;
  const revision = before ? before.revision + 1 : 1;
  const signed = signDocument(asPlain({ ...document, revision }), await signing(tx), datesFrom(now));
  await insertStatement(tx, { agreementId: agreement.id, hour, side: 'accepted', revision, signed, at: now });
}

/** What we have accepted of an hour, for the provider. */
export async function acceptedOf(tx: Transaction, agreementId: string, hour: Date): Promise<Signed<Plain> | undefined> {
  return (await findStatement(tx, agreementId, hour, 'accepted'))?.signed;
}

/** What is billed of a period, and whether every hour of it was compared. */
export async function matchedUse(tx: Transaction, agreementId: string, period: { from: Date; until: Date }): Promise<{ rows: SumRow[]; hours: number }> {
  const hours = await matchedRows(tx, agreementId, period);
  return { rows: hours.flatMap(({ rows }) => rows), hours: hours.length };
}

// Disputes

export const allDisputes = listDisputes;

export async function getDispute(tx: Transaction, id: string): Promise<Dispute> {
  const found = await findDispute(tx, id);
  if (!found) throw notFound(`There is no dispute ${id}`, 'notFound');
  return found;
}

/** Then the hour is compared again, with that decided. */
export async function resolveDispute({ tx, now, requestId }: Context, id: string, inFavour: 'own' | 'peer'): Promise<Dispute> {
  const found = await getDispute(tx, id);
  await setResolved(tx, id, inFavour);
  const agreement = await getAgreement(tx, found.agreementId);
  if (agreement.role === 'consumer') await forgetMatched(tx, found.agreementId, found.hour);
  await emit(tx, { now: () => now }, { type: 'dispute.resolve', resource: 'dispute', resourceId: id, requestId, payload: { in_favour: inFavour } });
  return { ...found, status: 'resolved', inFavour };
}

async function dispute(tx: Transaction, { random, now }: { random: Pick<Random, 'uuid'>; now: Date }, agreement: Agreement, hour: Date, found: Finding): Promise<Dispute> {
  const accused = found.kind === 'contradiction' ? agreement.peer : null;
  const made: Dispute = { ...found, id: random.uuid(), agreementId: agreement.id, hour, ownUnitMs: String(found.ownUnitMs), peerUnitMs: String(found.peerUnitMs), accused, status: 'open', inFavour: null, createdAt: now };
  await insertDispute(tx, made);
  await emit(tx, { now: () => now }, { type: 'dispute.create', resource: 'dispute', resourceId: made.id, payload: { kind: made.kind, agreement: agreement.id, accused } });
  return made;
}

// Parts of the above

function ownCount(database: Database, agreement: Agreement, hour: Date, rows: readonly (SumRow & Sized)[]): Own {
  const until = new Date(hour.getTime() + hourMs);
  const read = <T>(work: (tx: Transaction) => Promise<T>) => database.read(systemScope, work);
  const around = ({ resourceId, aroundMs }: { resourceId: string; aroundMs: number }) => ({ resourceId, from: new Date(hour.getTime() - aroundMs), until: new Date(until.getTime() + aroundMs) });
  return {
    rows,
    resources: (ask) => read((tx) => resourcesOfHour(tx, agreement, hour, ask)),
    events: (ask) => read((tx) => intervalsOf(tx, agreement, around(ask))),
    attempts: (ask) => read((tx) => attemptsOf(tx, agreement, around(ask))),
    lastChange: (resourceId) => read((tx) => changeBefore(tx, agreement, { resourceId, before: until })),
  };
}

function counterpartsOf(list: readonly Counterpart[]): Counterparts {
  const [projects, resources, flavors] = [new Map<string, string>(), new Map<string, string>(), new Map<string, string>()];
  for (const { kind, peerId, ownId } of list) {
    if (kind === 'flavor') flavors.set(ownId, peerId);
    else (kind === 'project' ? projects : resources).set(peerId, ownId);
  }
  return { project: (id) => projects.get(id), resource: (id) => resources.get(id), flavorOf: (size) => flavors.get(size) };
}

/** What was not signed by the peer, or no longer holds, is not taken; that alone accuses nobody. */
function demandGood({ keys, peer }: Agreement, signed: Signed<Plain>, now: Date): void {
  const verdict = judge(signed, new Map(keys.map((key) => [key.id, key.public_key])), now);
  if (verdict !== 'good') throw new Fault(403, 'not-signed', `This is not a statement of ${peer}: ${verdict}`);
}

/** Both are kept: either proves the other wrong. */
function equivocation(revision: number, statements: readonly Signed<Plain>[]): Finding {
  const hashes = statements.map((each) => createHash('sha256').update(canonical(each.document)).digest('hex').slice(0, 16));
  return plainFinding('contradiction', `Two statements of the revision ${revision} are signed: ${hashes.join(' and ')}`);
}

function plainFinding(kind: Finding['kind'], message: string): Finding {
  return { kind, projectId: null, resource: null, resourceId: null, peerResourceId: null, measure: null, ownUnitMs: 0n, peerUnitMs: 0n, ownEvents: [], peerEvents: [], message };
}

function isKind(kind: string): kind is Finding['kind'] {
  return ['missing-resource', 'duration', 'quantity', 'price', 'unknown-project', 'late', 'contradiction'].includes(kind);
}

/** What is signed is what JSON says: a row of the database has no other fields than that. */
function asPlain(value: object): Plain {
  return JSON.parse(JSON.stringify(value)) as Plain;
}

function noAgreement(id: string) {
  return notFound(`There is no agreement ${id}`, 'notFound');
}
