/** What regions were proved to do: tried again and again, written down, signed. */
import { Fault, notFound } from '../../kit/fault.ts';
import { makeSigningKey, signDocument, signingKeyOf, type Plain, type Signed, type SigningKey } from '../../kit/signed.ts';
import { emit } from '../../kit/events/events.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { listRegions } from '../federation/regions.ts';
import type { HomeParts } from '../parts.ts';
import type { ServiceTokens } from '../identity/service-tokens.ts';
import { capabilityNames, probeRegion, type ProbeResult } from './probes.ts';
import { ensureProfile, findProfile, forgetOthers, insertSigningKey, keepProfile, listCapabilities, listProfiles, listSigningKeys, provedCapabilities, setCapability, setDue, type Capability } from './profiles.store.ts';

export { provedCapabilities } from './profiles.store.ts';

export type Probed = { name: string; base: string };

export type AdmissionParts = Pick<HomeParts, 'database' | 'clock' | 'random' | 'log'> & {
  fetch: typeof fetch;
  serviceTokens: ServiceTokens;
  probing?: Partial<Probing>;
};

export type Probing = { everyMs: number; afterFailureMs: number; validMs: number; patienceMs: number };

/** A capability that starts to fail is seen within a minute. */
const usual: Probing = { everyMs: 45_000, afterFailureMs: 20_000, validMs: 10 * 60_000, patienceMs: 120_000 };

const scope = { kind: 'system', reason: 'what regions can do' } as const;

/** Those that are due, one after another. */
export async function probeRegions(parts: AdmissionParts, signal: AbortSignal): Promise<void> {
  const now = parts.clock.now();
  const regions = await parts.database.transaction(scope, async (tx) => {
    const found = await strangers(tx);
    await forgetOthers(tx, found.map(({ name }) => name));
    for (const { name } of found) await ensureProfile(tx, name, now);
    const due = new Set((await listProfiles(tx)).filter(({ dueAt }) => dueAt <= now).map(({ region }) => region));
    return found.filter(({ name }) => due.has(name));
  });
  for (const region of regions) if (!signal.aborted) await probeOne(parts, region, signal);
}

/** Our own regions are watched by doctor; a partner's has to prove what it does. */
async function strangers(tx: Transaction): Promise<Probed[]> {
  return (await listRegions({ tx })).flatMap(({ name, driver, url }) => (driver === 'openstack' && url !== null ? [{ name, base: url }] : []));
}

async function probeOne(parts: AdmissionParts, { name, base }: Probed, signal: AbortSignal): Promise<void> {
  const { clock, random, database, serviceTokens } = parts;
  const probing = { ...usual, ...parts.probing };
  const results = await probeRegion({ base, fetch: parts.fetch, token: () => serviceTokens.own(), clock, random, patienceMs: probing.patienceMs, signal });
  if (signal.aborted) return;
  const failures = results.filter(({ failure }) => failure !== null);
  if (failures.length > 0) parts.log.warn({ region: name, failures }, 'a region does not do what it should');
  await database.transaction(scope, (tx) => keepResults(parts, tx, { region: name, results, probing }));
}

async function keepResults({ clock, random }: AdmissionParts, tx: Transaction, { region, results, probing }: { region: string; results: readonly ProbeResult[]; probing: Probing }): Promise<void> {
  const now = clock.now();
  const before = await findProfile(tx, region);
  if (!before) return;
  for (const { name, failure, milliseconds } of results) await setCapability(tx, region, { name, state: failure === null ? 'proved' : 'quarantined', since: now, detail: failure, milliseconds });
  const failed = results.some(({ failure }) => failure !== null);
  const counts = { probes: before.probes + 1, failed: before.failed + (failed ? 1 : 0) };
  const capabilities = await listCapabilities(tx, region);
  const signed = signDocument(documentOf(region, capabilities, counts), await signingKey({ clock, random }, tx), { issuedAt: now, expiresAt: new Date(now.getTime() + probing.validMs) });
  await keepProfile(tx, { region, ...counts, dueAt: new Date(now.getTime() + (failed ? probing.afterFailureMs : probing.everyMs)), signed });
  await emit(tx, clock, { type: failed ? 'profile.quarantine' : 'profile.update', resource: 'profile', resourceId: region, payload: { quarantined: results.filter(({ failure }) => failure !== null).map(({ name }) => name) } });
}

function documentOf(region: string, capabilities: readonly Capability[], counts: { probes: number; failed: number }): Plain {
  const order = (name: string) => capabilityNames.findIndex((each) => each === name);
  const listed = capabilities.toSorted((one, other) => order(one.name) - order(other.name)).map(({ name, state, since, detail, milliseconds }) => ({ name, state, since: since.toISOString(), detail, milliseconds }));
  return { region, capabilities: listed, ...counts };
}

/** A real machine did not come up there: nothing more is sent until a probe has seen it work. */
export async function quarantine({ clock }: Pick<AdmissionParts, 'clock'>, tx: Transaction, region: string, capability: string, detail: string): Promise<void> {
  if (!(await findProfile(tx, region))) return;
  await setCapability(tx, region, { name: capability, state: 'quarantined', since: clock.now(), detail, milliseconds: null });
  await setDue(tx, region, clock.now());
  await emit(tx, clock, { type: 'profile.quarantine', resource: 'profile', resourceId: region, payload: { quarantined: [capability] } });
}

export async function getProfile(tx: Transaction, region: string): Promise<Signed> {
  const profile = await findProfile(tx, region);
  if (!profile) throw notFound(`No profile is kept of a region ${region}.`, 'profile-not-found');
  if (!profile.signed) throw new Fault(409, 'profile-untried', `The region ${region} was not tried yet; it is due now.`);
  return profile.signed;
}

export async function listSigned(tx: Transaction): Promise<Signed[]> {
  return (await listProfiles(tx)).flatMap(({ signed }) => (signed ? [signed] : []));
}

export async function askForProbe(tx: Transaction, region: string, now: Date): Promise<void> {
  if (!(await findProfile(tx, region))) throw notFound(`No profile is kept of a region ${region}.`, 'profile-not-found');
  await setDue(tx, region, now);
}

/** By region; a profile that has ended proves nothing. */
export async function capabilitiesNow(tx: Transaction, now: Date): Promise<Map<string, string[]>> {
  const proved = await provedCapabilities(tx);
  const ended = (await listProfiles(tx)).filter(({ signed }) => signed === null || Date.parse(signed.expiresAt) <= now.getTime());
  for (const { region } of ended) proved.set(region, []);
  return proved;
}

/** The newest; made when there is none. */
export async function signingKey({ clock, random }: Pick<HomeParts, 'clock' | 'random'>, tx: Transaction): Promise<SigningKey> {
  const [newest] = await listSigningKeys(tx);
  if (newest) return signingKeyOf(newest);
  await tx.run`select pg_advisory_xact_lock(hashtext('admission.signing_key'))`;
  const [other] = await listSigningKeys(tx);
  if (other) return signingKeyOf(other);
  const made = makeSigningKey(random);
  await insertSigningKey(tx, { ...made, madeAt: clock.now() });
  await emit(tx, clock, { type: 'signing-key.create', resource: 'signing-key', resourceId: made.id, payload: {} });
  return signingKeyOf(made);
}
