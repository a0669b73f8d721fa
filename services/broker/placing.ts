/**
 * Where a machine should be: a pure function of the wish, the policy and what is known of each candidate, so that every
 * decision can be made again from what was kept of it. All candidates are judged, and each that is not taken knows why.
 */

export type Room = { vcpus: number; memoryMiB: number; diskGiB: number };

/** One zone of one region, as it is known at this moment. */
export type Candidate = {
  region: string;
  availabilityZone: string;
  /** Ours, or a partner's. */
  kind: 'own' | 'partner';
  labels: Readonly<Record<string, string>>;
  /** What probes have proved and not quarantined since. */
  capabilities: readonly string[];
  /** Why one that is not among them is not. */
  troubles?: Readonly<Record<string, string>>;
  free: Room;
  /** The most that one host has of each. */
  largest: Room;
  /** For all machines of the wish, an hour: nano-units of the currency. */
  hourly: bigint;
  currency: string;
  /** By which it was priced. */
  bookHash: string;
  /** Content hashes of the images that are there. */
  images: readonly string[];
  /** Machines that came up, and that did not; older outcomes weigh less. */
  outcomes: { succeeded: number; failed: number };
};

export type Wish = {
  vcpus: number;
  memoryMiB: number;
  diskGiB: number;
  count: number;
  image: { sha256: string; sizeGiB: number } | null;
  /** Capabilities without which it would not be what was asked for. */
  needs: readonly string[];
  flavor: string;
  /** Where it must be, because of a port, a volume or a word of the user, and why. */
  fixed: { region: string; because: string } | null;
};

/** Of every machine: what cannot be deleted there is not made there. */
export const needsOfMachines: readonly string[] = ['identity', 'boot', 'delete'];

export type Policy = {
  limits: {
    regions?: readonly string[] | undefined;
    notRegions?: readonly string[] | undefined;
    kinds?: readonly Candidate['kind'][] | undefined;
    /** For each label the values that will do. */
    labels?: Readonly<Record<string, readonly string[]>> | undefined;
    /** Nano-units for all machines of the wish. */
    hourlyAtMost?: bigint | undefined;
    /** Between 0 and 1. */
    reliabilityAtLeast?: number | undefined;
    imagePresent?: boolean | undefined;
  };
  /** What counts, and how much: 0 not at all. */
  preferences: Readonly<Record<Preference, number>>;
};

export type Preference = 'cost' | 'own' | 'reliability' | 'image' | 'room';

export const preferences: readonly Preference[] = ['cost', 'own', 'reliability', 'image', 'room'];

/** Own capacity first, then the cheaper and the proven. */
export const usualPolicy: Policy = { limits: {}, preferences: { cost: 1, own: 2, reliability: 1, image: 0.5, room: 0.25 } };

export type Verdict = {
  region: string;
  availabilityZone: string;
  verdict: 'chosen' | 'possible' | 'rejected';
  /** Why not; empty for one that would do. */
  reasons: string[];
  /** Between 0 and 1; null when rejected. */
  score: number | null;
  /** Nano-units an hour for all machines of the wish. */
  hourly: bigint;
};

export type Ruling = { verdicts: Verdict[]; chosen: Verdict | null };

export function place(wish: Wish, policy: Policy, candidates: readonly Candidate[]): Ruling {
  const judged = candidates.map((candidate) => ({ candidate, hourly: candidate.hourly, reasons: obstacles(wish, policy, candidate) }));
  const possible = judged.filter(({ reasons }) => reasons.length === 0);
  const cheapest = possible.reduce<bigint | null>((least, { hourly }) => (least === null || hourly < least ? hourly : least), null) ?? 0n;
  const verdicts = judged.map(({ candidate, hourly, reasons }): Verdict => {
    const { region, availabilityZone } = candidate;
    const rejected = reasons.length > 0;
    return { region, availabilityZone, verdict: rejected ? 'rejected' : 'possible', reasons, score: rejected ? null : scoreOf(wish, policy, candidate, { hourly, cheapest }), hourly };
  });
  verdicts.sort(byRank);
  const first = verdicts[0];
  if (!first || first.verdict === 'rejected') return { verdicts, chosen: null };
  first.verdict = 'chosen';
  return { verdicts, chosen: first };
}

/** How likely a machine comes up there: the mean of a beta distribution that begins at 9 of 10. */
export function reliabilityOf({ outcomes }: Pick<Candidate, 'outcomes'>): number {
  return (outcomes.succeeded + 9) / (outcomes.succeeded + outcomes.failed + 10);
}

function obstacles(wish: Wish, { limits }: Policy, candidate: Candidate): string[] {
  const reasons: string[] = [];
  const { region, free, hourly } = candidate;
  if (wish.fixed && wish.fixed.region !== region) reasons.push(`${wish.fixed.because} is in ${wish.fixed.region}`);
  if (limits.regions && !limits.regions.includes(region)) reasons.push('the policy does not name this region');
  if (limits.notRegions?.includes(region)) reasons.push('the policy excludes this region');
  if (limits.kinds && !limits.kinds.includes(candidate.kind)) reasons.push(candidate.kind === 'own' ? 'the policy wants a partner' : 'the policy wants no partner');
  for (const [label, values] of Object.entries(limits.labels ?? {})) {
    const value = candidate.labels[label];
    if (value === undefined || !values.includes(value)) reasons.push(`${label} is ${value ?? 'not known'}; the policy wants ${values.join(' or ')}`);
  }
  for (const need of wish.needs) if (!candidate.capabilities.includes(need)) reasons.push(candidate.troubles?.[need] ?? `it is not proved that ${need} works there`);
  const short = shortages(wish, free, wish.count);
  if (short.length > 0) reasons.push(`no room: ${short.join(', ')}`);
  else {
    const large = shortages(wish, candidate.largest, 1);
    if (large.length > 0) reasons.push(`no host is large enough: ${large.join(', ')}`);
  }
  if (limits.hourlyAtMost !== undefined && hourly > limits.hourlyAtMost) reasons.push('it costs more than the policy allows');
  if (limits.reliabilityAtLeast !== undefined && reliabilityOf(candidate) < limits.reliabilityAtLeast) reasons.push('too many machines did not come up there');
  if (limits.imagePresent === true && wish.image && !candidate.images.includes(wish.image.sha256)) reasons.push('the image is not there');
  return reasons;
}

function shortages({ vcpus, memoryMiB, diskGiB }: Wish, free: Room, count: number): string[] {
  const short: string[] = [];
  if (vcpus * count > free.vcpus) short.push(`${vcpus * count} vCPUs of ${free.vcpus}`);
  if (memoryMiB * count > free.memoryMiB) short.push(`${memoryMiB * count} MiB of memory of ${free.memoryMiB}`);
  if (diskGiB * count > free.diskGiB) short.push(`${diskGiB * count} GiB of disk of ${free.diskGiB}`);
  return short;
}

/** Each preference between 0 and 1, weighed, over all weights. */
function scoreOf(wish: Wish, { preferences: weights }: Policy, candidate: Candidate, { hourly, cheapest }: { hourly: bigint; cheapest: bigint }): number {
  const counts: Record<Preference, number> = {
    cost: hourly === 0n ? 1 : Number((cheapest * 1_000_000n) / hourly) / 1_000_000,
    own: candidate.kind === 'own' ? 1 : 0,
    reliability: reliabilityOf(candidate),
    image: !wish.image || candidate.images.includes(wish.image.sha256) ? 1 : 0,
    room: 1 - (wish.vcpus * wish.count) / Math.max(candidate.free.vcpus, 1),
  };
  const sum = preferences.reduce((total, name) => total + weights[name], 0);
  if (sum === 0) return 0;
  return preferences.reduce((total, name) => total + weights[name] * counts[name], 0) / sum;
}

/** The best first; what is equal in everything is in the order of its name, so that the same question has the same answer. */
function byRank(one: Verdict, other: Verdict): number {
  return (
    (other.score ?? -1) - (one.score ?? -1) ||
    (one.hourly < other.hourly ? -1 : one.hourly > other.hourly ? 1 : 0) ||
    (one.region < other.region ? -1 : one.region > other.region ? 1 : 0) ||
    (one.availabilityZone < other.availabilityZone ? -1 : 1)
  );
}
