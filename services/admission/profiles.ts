/** What regions were proved to do: tried again and again, written down, signed. */
import { createClient } from '../../contract/client.ts';
import { region as regionContract } from '../../contract/intercloud/region.ts';
import { conflict, Fault, notFound } from '../../kit/fault.ts';
import { signDocument, type Plain, type Signed } from '../../kit/signed.ts';
import { emit } from '../../kit/events/events.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { listRegions } from '../federation/regions.ts';
import type { HomeParts } from '../parts.ts';
import type { ServiceTokens } from '../identity/service-tokens.ts';
import { capabilityNames, probeRegion, type CapabilityName, type ProbeResult } from './probes.ts';
import { ensureProfile, findProfile, forgetOthers, giveBack, keepDifferences, keepProfile, listAllCapabilities, listCapabilities, listProfiles, lockProfile, setCapability, setDue, suspend, takeDue, type Capability, type Differences } from './profiles.store.ts';
import { signingKey, type SigningParts } from './signing-keys.ts';

export type Probed = { name: string; base: string };

export type AdmissionParts = Pick<HomeParts, 'log'> & SigningParts & {
  fetch: typeof fetch;
  serviceTokens: ServiceTokens;
  probing?: Partial<Probing>;
};

export type Probing = { /** From the beginning of one to that of the next. */ everyMs: number; afterFailureMs: number; validMs: number; patienceMs: number; lateMs: number };

/** A capability that starts to fail is seen within a minute: the next probe begins, comes to it, and waits for it as long as this. */
const usual: Probing = { everyMs: 30_000, afterFailureMs: 20_000, validMs: 10 * 60_000, patienceMs: 120_000, lateMs: 15_000 };
/** What usually takes its time is late when it takes so many times that. */
const lateFactor = 2;

const scope = { kind: 'system', reason: 'what regions can do' } as const;
/** Longer than a probe takes; of one that ended with its process another one is made then. */
const takenMs = 5 * 60_000;
const never = new Date('9999-01-01T00:00:00Z');
const comparedWithinMs = 90_000;

/** Those that are due, all at once: how long one partner takes must not keep the others from being watched. */
export async function probeRegions(parts: AdmissionParts, signal: AbortSignal): Promise<void> {
  const now = parts.clock.now();
  const due = await parts.database.transaction(scope, async (tx) => {
    const found = await strangers(tx);
    await forgetOthers(tx, found.map(({ name }) => name));
    for (const { name } of found) await ensureProfile(tx, name, now);
    // Whoever else looks finds nothing due: two probes would sweep each other's things away.
    const taken = await takeDue(tx, now, new Date(now.getTime() + takenMs));
    return found.filter(({ name }) => taken.includes(name));
  });
  await Promise.all(due.map((region) => probeOne(parts, region, signal)));
}

/** Our own regions are watched by doctor; a partner's has to prove what it does. */
async function strangers(tx: Transaction): Promise<Probed[]> {
  return (await listRegions({ tx })).flatMap(({ name, driver, url }) => (driver === 'openstack' && url !== null ? [{ name, base: url }] : []));
}

async function probeOne(parts: AdmissionParts, { name, base }: Probed, signal: AbortSignal): Promise<void> {
  const { clock, random, database, serviceTokens } = parts;
  const began = clock.now();
  const took = new Map((await database.read(scope, (tx) => listCapabilities(tx, name))).map((each) => [each.name, each.milliseconds ?? 0]));
  const results = await probeRegion({
    base, fetch: parts.fetch, token: () => serviceTokens.own(), clock, random, patienceMs: probingOf(parts).patienceMs, signal,
    lateMs: (capability) => Math.max(probingOf(parts).lateMs, lateFactor * (took.get(capability) ?? 0)),
    late: (capability, seconds) => database.transaction(scope, (tx) => quarantine(parts, tx, name, capability, `It has not come about in ${seconds} s, and is waited for.`)),
  });
  if (signal.aborted) {
    await database.transaction(scope, (tx) => giveBack(tx, name));
    return;
  }
  const failures = results.filter(({ failure }) => failure !== null);
  if (failures.length > 0) parts.log.warn({ region: name, failures }, 'a region does not do what it should');
  const differences = await compare(parts, base).catch((error: unknown) => {
    parts.log.warn({ err: error, region: name }, 'what is here and what is there could not be compared');
    return undefined;
  });
  await database.transaction(scope, async (tx) => {
    await keepResults(parts, tx, { region: name, results, began });
    if (differences) await keepDifferences(tx, name, differences);
  });
}

async function compare({ fetch: send, serviceTokens }: AdmissionParts, base: string): Promise<Differences> {
  const limited: typeof fetch = (input, init) => send(input, { ...init, signal: AbortSignal.timeout(comparedWithinMs) });
  return (await createClient(regionContract, { base, token: () => serviceTokens.own(), fetch: limited }).differences.show()).body;
}

async function keepResults(parts: AdmissionParts, tx: Transaction, { region, results, began }: { region: string; results: readonly ProbeResult[]; began: Date }): Promise<void> {
  const { everyMs, afterFailureMs } = probingOf(parts);
  const now = parts.clock.now();
  const before = await lockProfile(tx, region);
  if (!before) return;
  await giveBack(tx, region);
  for (const { name, failure, milliseconds } of results) await setCapability(tx, region, { name, state: failure === null ? 'proved' : 'quarantined', since: now, detail: failure, milliseconds });
  const quarantined = results.filter(({ failure }) => failure !== null).map(({ name }) => name);
  const failed = quarantined.length > 0;
  await publish(parts, tx, { region, probes: before.probes + 1, failed: before.failed + (failed ? 1 : 0), dueAt: failed ? new Date(now.getTime() + afterFailureMs) : new Date(began.getTime() + everyMs) });
  await emit(tx, parts.clock, { type: failed ? 'profile.quarantine' : 'profile.update', resource: 'profile', resourceId: region, payload: { quarantined } });
}

/** Signs what is known now. */
async function publish(parts: AdmissionParts, tx: Transaction, { region, dueAt, ...counts }: { region: string; probes: number; failed: number; dueAt: Date }): Promise<void> {
  const issuedAt = parts.clock.now();
  const expiresAt = new Date(issuedAt.getTime() + probingOf(parts).validMs);
  const signed = signDocument(documentOf(region, await listCapabilities(tx, region), counts), await signingKey(parts, tx), { issuedAt, expiresAt });
  await keepProfile(tx, { region, ...counts, dueAt, signed });
}

function probingOf({ probing }: AdmissionParts): Probing {
  return { ...usual, ...probing };
}

function documentOf(region: string, capabilities: readonly Capability[], counts: { probes: number; failed: number }): Plain {
  const order = (name: string) => capabilityNames.findIndex((each) => each === name);
  const listed = capabilities.toSorted((one, other) => order(one.name) - order(other.name)).map(({ name, state, since, detail, milliseconds }) => ({ name, state, since: since.toISOString(), detail, milliseconds }));
  return { region, capabilities: listed, ...counts };
}

/**
 * A real machine did not come up there: nothing more is sent until a probe has seen it work. Of a region that has nothing
 * to prove nothing is kept.
 */
export async function quarantine(parts: AdmissionParts, tx: Transaction, region: string, capability: CapabilityName, detail: string): Promise<void> {
  const { clock } = parts;
  const profile = await lockProfile(tx, region);
  if (!profile?.signed) return;
  const now = clock.now();
  await setCapability(tx, region, { name: capability, state: 'quarantined', since: now, detail, milliseconds: null });
  await publish(parts, tx, { region, probes: profile.probes, failed: profile.failed, dueAt: now });
  await emit(tx, clock, { type: 'profile.quarantine', resource: 'profile', resourceId: region, payload: { quarantined: [capability] } });
}

export async function getProfile(tx: Transaction, region: string): Promise<{ signed: Signed; differences: Differences | null }> {
  const profile = await findProfile(tx, region);
  if (!profile) throw notFound(`No profile is kept of a region ${region}.`, 'profile-not-found');
  if (!profile.signed) throw new Fault(409, 'profile-untried', `The region ${region} was not tried yet; it is due now.`);
  return { signed: profile.signed, differences: profile.differences };
}

export async function listSigned(tx: Transaction): Promise<Signed[]> {
  return (await listProfiles(tx)).flatMap(({ signed }) => (signed ? [signed] : []));
}

export async function askForProbe(tx: Transaction, region: string, now: Date): Promise<void> {
  if (!(await findProfile(tx, region))) throw notFound(`No profile is kept of a region ${region}.`, 'profile-not-found');
  await setDue(tx, region, now);
}

/** So that a region can be given back empty: nobody makes anything there to try it. What it was seen to do ends as it would. */
export async function suspendProbes(tx: Transaction, region: string, now: Date): Promise<void> {
  if (!(await findProfile(tx, region))) throw notFound(`No profile is kept of a region ${region}.`, 'profile-not-found');
  if (!(await suspend(tx, region, now, never))) throw conflict(`The region ${region} is being tried at this moment.`);
}

/** What can be counted on, and why the rest cannot, in words for everybody: details may be about another's machine. */
export type Standing = { proved: string[]; troubles: Record<string, string> };

/** By region; a profile that has ended proves nothing. */
export async function standingsNow(tx: Transaction, now: Date): Promise<Map<string, Standing>> {
  const [profiles, capabilities] = [await listProfiles(tx), Map.groupBy(await listAllCapabilities(tx), ({ region }) => region)];
  return new Map(
    profiles.map(({ region, signed }) => {
      const own = capabilities.get(region) ?? [];
      const ended = signed !== null && Date.parse(signed.expiresAt) <= now.getTime();
      if (signed === null || ended) return [region, { proved: [], troubles: ended ? Object.fromEntries(own.map(({ name }) => [name, `what it was seen to do has to be tried again since ${signed.expiresAt}`])) : {} }];
      const quarantined = own.filter(({ state }) => state === 'quarantined');
      return [region, { proved: own.filter(({ state }) => state === 'proved').map(({ name }) => name), troubles: Object.fromEntries(quarantined.map(({ name, since }) => [name, `${name} is quarantined there since ${since.toISOString()}`])) }];
    }),
  );
}
