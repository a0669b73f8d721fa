/**
 * How much a project may use. Counted in the transaction that makes or deletes the thing, so that a limit is
 * never passed and nothing leaks, however many ask at once (FAILURES 11, invariant I4).
 */
import { Raised, sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

/** Every counted resource with its default, as the services ship them: nova/conf/quota.py, cinder/quota.py, neutron/conf/quota.py. -1: unlimited. */
export const quotaDefaults = {
  'compute.instances': 10,
  'compute.cores': 20,
  'compute.ram': 51200,
  'compute.key_pairs': 100,
  'compute.server_groups': 10,
  'volume.volumes': 10,
  'volume.snapshots': 10,
  'volume.gigabytes': 1000,
  'volume.per_volume_gigabytes': -1,
  'volume.backups': 10,
  'volume.backup_gigabytes': 1000,
  'volume.groups': 10,
  'network.network': 100,
  'network.subnet': 100,
  'network.subnetpool': -1,
  'network.port': 500,
  'network.router': 10,
  'network.floatingip': 50,
  'network.security_group': 10,
  'network.security_group_rule': 100,
  'network.rbac_policy': 10,
  'image.images': -1,
  'image.bytes': -1,
  'image.uploads': -1,
} as const;

export type QuotaResource = keyof typeof quotaDefaults;
export type Amounts = Partial<Record<QuotaResource, number>>;

export class OverQuota extends Error {
  override name = 'OverQuota';
  readonly resource: QuotaResource;
  readonly wanted: number;
  readonly used: number;
  readonly limit: number;

  constructor(resource: QuotaResource, wanted: number, used: number, limit: number) {
    super(`Quota exceeded for ${resource}: requested ${wanted}, but already used ${used} of ${limit}`);
    this.resource = resource;
    this.wanted = wanted;
    this.used = used;
    this.limit = limit;
  }
}

/** Counts these, or throws OverQuota for the first that does not fit; negative amounts give back. `defaults`: where an operator has said others. */
export async function claimQuota(tx: Transaction, projectId: string, amounts: Amounts, defaults: Amounts = {}): Promise<void> {
  // In one order, so that two claims that touch the same rows wait for one another instead of deadlocking; and sent
  // together, because the database does them in the order in which they are sent.
  await Promise.all(entries(amounts).map(([resource, wanted]) => claimOne(tx, projectId, resource, wanted, defaults[resource] ?? quotaDefaults[resource])));
}

async function claimOne(tx: Transaction, projectId: string, resource: QuotaResource, wanted: number, fallback: number): Promise<void> {
  if (wanted === 0) return;
  if (wanted < 0) {
    // Not by the insert below: its row would be checked before its conflict is seen.
    const released = await tx.run`update quota.claim set used = used + ${wanted}::bigint where project_id = ${projectId} and resource = ${resource}`;
    if (released === 1) return;
    throw new Error(`Project ${projectId} gives back ${-wanted} of ${resource} and has never had any`);
  }
  const claimed = await tx.run(sql`with ${claiming(projectId, resource, wanted, fallback)} select from claimed`);
  if (claimed === 1) return;
  throw await shortageOf(tx, projectId, resource, wanted, fallback);
}

/** Counts these though they should not fit: what a project is given without asking. */
export async function countQuota(tx: Transaction, projectId: string, amounts: Amounts): Promise<void> {
  for (const [resource, given] of entries(amounts))
    await tx.run`
      insert into quota.claim as c (project_id, resource, used, lease) select ${projectId}, ${resource}, ${given}::bigint, case when exists (select from quota.place where leased) then 0 end
      on conflict (project_id, resource) do update set used = c.used + excluded.used`;
}

/**
 * As `claimQuota`, sent in the same breath as the COMMIT: whoever else claims of these waits for that alone, and not for
 * what is between this and it. Should they not fit, the transaction fails by what `explain` makes of it.
 */
export function claimQuotaLast(tx: Transaction, projectId: string, amounts: Amounts, explain: (over: OverQuota) => unknown, defaults: Amounts = {}): void {
  for (const [resource, wanted] of entries(amounts)) {
    if (wanted <= 0) throw new Error(`${wanted} of ${resource} cannot be claimed`);
    const fallback = defaults[resource] ?? quotaDefaults[resource];
    const most = limitOf(sql`${projectId}::text`, sql`${resource}::text`, sql`(select c.most from quota.claim c where c.project_id = ${projectId} and c.resource = ${resource})`, commonOf(sql`${resource}::text`, sql`${fallback}::bigint`));
    tx.queue(
      sql`with ${claiming(projectId, resource, wanted, fallback)} select quota.refuse(${projectId}, ${resource}, ${most}) where not exists (select from claimed)`,
      (error) => (error instanceof Raised ? explain(shortage(tx, projectId, resource, wanted, error.detail as Facts)) : error),
    );
  }
}

/** `claimed` has a row when they fit. */
function claiming(projectId: string, resource: QuotaResource, wanted: number, fallback: number): Sql {
  const most = unlimitedAsMost(commonOf(sql`${resource}::text`, sql`${fallback}::bigint`));
  return sql`bound as (select ${boundOf(sql`${projectId}::text`, sql`${resource}::text`)} as most),
    claimed as (
      insert into quota.claim as c (project_id, resource, used)
      select ${projectId}, ${resource}, ${wanted}::bigint from bound
      where ${wanted}::bigint <= coalesce(bound.most, ${most}) and not exists (select from quota.place where leased)
        or exists (select 1 from quota.claim where project_id = ${projectId} and resource = ${resource})
      on conflict (project_id, resource) do update set used = c.used + excluded.used
      where c.used + excluded.used <= coalesce(least(${unlimitedAsMost(sql`c.most`)}, (select most from bound)), ${most})
        and (c.lease is null or c.lease = -1 or c.used + excluded.used <= c.lease)
      returning 1)`;
}

/** Whose limits are those of every project that has none of its own: in all regions, as they are set as any project's are. */
export const everyProject = '*';

/** What an operator has said for all projects, wherever; else what the service comes with. */
function commonOf(resource: Sql, fallback: Sql): Sql {
  return sql`coalesce((select d.most from quota.claim d where d.project_id = ${everyProject} and d.resource = ${resource}), ${fallback})`;
}

// Compared with what is wanted, unlimited is the most that there is.
const everything = sql`9223372036854775807`;

function unlimitedAsMost(amount: Sql): Sql {
  return sql`(case ${amount} when -1 then ${everything} else ${amount} end)`;
}

/** What limits registered with identity allow: the least of that of all regions and that of this one. Null: there are none. */
function boundOf(projectId: Sql, resource: Sql): Sql {
  return sql`(
    select min(${unlimitedAsMost(sql`b.amount`)}) from quota.bound b
    where b.resource = ${resource} and (b.project_id = ${projectId} or b.project_id = ''
      and not exists (select from quota.bound own where own.resource = b.resource and own.project_id = ${projectId} and own.here = b.here)))`;
}

/** What counts of all limits; -1: unlimited. */
function limitOf(projectId: Sql, resource: Sql, own: Sql, fallback: Sql): Sql {
  return sql`(select case when l.most = ${everything} then -1 else l.most end from (
    select coalesce(least(${unlimitedAsMost(own)}, ${boundOf(projectId, resource)}), ${unlimitedAsMost(fallback)}) as most) l)`;
}

/** What did not fit, of a limit or of this region's part of it. */
async function shortageOf(tx: Transaction, projectId: string, resource: QuotaResource, wanted: number, fallback: number): Promise<OverQuota> {
  const row = await tx.one<Facts>`
    select coalesce(c.used, 0) as used, ${limitOf(sql`${projectId}::text`, sql`${resource}::text`, sql`c.most`, commonOf(sql`${resource}::text`, sql`${fallback}::bigint`))} as "limit", c.lease, p.leased
    from quota.place p left join quota.claim c on c.project_id = ${projectId} and c.resource = ${resource}`;
  return shortage(tx, projectId, resource, wanted, row ?? { used: 0, limit: fallback, lease: null, leased: false });
}

type Facts = { used: number; limit: number; lease: number | null; leased: boolean };

function shortage(tx: Transaction, projectId: string, resource: QuotaResource, wanted: number, { used, limit, lease, leased }: Facts): OverQuota {
  if (!leased) return new OverQuota(resource, wanted, used, limit);
  const held = lease ?? 0;
  const fits = limit === -1 || used + wanted <= limit;
  if (fits && held !== -1) shortages.set(tx, [...(shortages.get(tx) ?? []), { projectId, resource, needed: used + wanted }]);
  // Of the whole limit, all that is not free here is used elsewhere, or may be.
  return new OverQuota(resource, wanted, limit === -1 || held === -1 ? used : Math.max(used, limit - Math.max(held - used, 0)), limit);
}

export type Shortage = { projectId: string; resource: QuotaResource; needed: number; /** Less will do, and no more than this is wished for. */ wish?: number };

/** Kept beside the transaction, because the refusal is put into each service's own words on its way. */
const shortages = new WeakMap<Transaction, Shortage[]>();

/** What a transaction that failed would have needed more of than this region holds, and home may give. */
export function shortagesOf(tx: Transaction): readonly Shortage[] {
  return shortages.get(tx) ?? [];
}

/** Transactions that are done again because home was asked for what they needed more of. */
const askedFor = new WeakSet<Transaction>();

export function noteAsked(tx: Transaction): void {
  askedFor.add(tx);
}

/** Counts as many of these as there is room for, `most` at most, or throws OverQuota because not even `least` fit. */
export async function claimAsMany(tx: Transaction, projectId: string, each: Amounts, { least, most, defaults = {} }: { least: number; most: number; defaults?: Amounts }): Promise<number> {
  const times = (count: number): Amounts => Object.fromEntries(entries(each).map(([resource, amount]) => [resource, amount * count]));
  const rooms = await roomsOf(tx, projectId, each, defaults);
  const fit = (of: 'limit' | 'lease') => Math.max(least, Math.min(most, ...rooms.map((room) => room[of])));
  const [wanted, held] = [fit('limit'), fit('lease')];
  if (held < wanted && rooms.every(({ limit }) => limit >= least) && !askedFor.has(tx)) {
    // Home may have more of it, for all of these or for some.
    shortages.set(tx, [...(shortages.get(tx) ?? []), ...rooms.filter(({ lease }) => lease < wanted).map(({ resource, used, amount }) => ({ projectId, resource, needed: used + amount * least, wish: used + amount * wanted }))]);
    const { resource, used, amount, limit } = rooms.find(({ lease }) => lease < wanted)!;
    throw new OverQuota(resource, amount * wanted, used, used + amount * limit);
  }
  const count = Math.min(wanted, held);
  await claimQuota(tx, projectId, times(count), defaults);
  return count;
}

/** Has others who claim of these wait from here on: for who claims of them later than others do. */
export async function holdQuota(tx: Transaction, projectId: string, resources: readonly QuotaResource[]): Promise<void> {
  await tx.run`select from quota.claim where project_id = ${projectId} and resource = any(${[...resources].sort()}::text[]) order by resource for no key update`;
}

type RoomFor = { resource: QuotaResource; amount: number; used: number; /** How many more fit. */ limit: number; lease: number };

async function roomsOf(tx: Transaction, projectId: string, each: Amounts, defaults: Amounts): Promise<RoomFor[]> {
  const wanted = entries(each).filter(([, amount]) => amount > 0);
  const usage = await quotaUsage(tx, projectId, wanted.map(([resource]) => resource), defaults);
  const leases = await tx.rows<{ resource: QuotaResource; lease: number | null; leased: boolean }>`
    select r.resource, c.lease, p.leased from quota.place p cross join unnest(${wanted.map(([resource]) => resource)}::text[]) r (resource)
      left join quota.claim c on c.project_id = ${projectId} and c.resource = r.resource`;
  const heldOf = new Map(leases.map(({ resource, lease, leased }) => [resource, leased ? (lease ?? 0) : -1]));
  const fits = (most: number, used: number, amount: number) => (most === -1 ? Infinity : Math.max(0, Math.floor((most - used) / amount)));
  return wanted.map(([resource, amount]) => {
    const { limit, used } = usage[resource]!;
    return { resource, amount, used, limit: fits(limit, used, amount), lease: fits(heldOf.get(resource) ?? -1, used, amount) };
  });
}

export function releaseQuota(tx: Transaction, projectId: string, amounts: Amounts): Promise<void> {
  return claimQuota(tx, projectId, Object.fromEntries(entries(amounts).map(([resource, amount]) => [resource, -amount])));
}

/** Limit and use of each of these resources. */
export async function quotaUsage(tx: Transaction, projectId: string, resources: readonly QuotaResource[], defaults: Amounts = {}): Promise<Partial<Record<QuotaResource, { limit: number; used: number }>>> {
  // Put together here: joined there, PostgreSQL reads all of the table where it is large.
  const names = [...resources];
  const said = await tx.rows<Said>`
    select resource, project_id as whose, used, most, null as here from quota.claim where project_id in (${projectId}, ${everyProject}) and resource = any(${names}::text[])
    union all
    select resource, project_id, 0, amount, here from quota.bound where project_id in (${projectId}, '') and resource = any(${names}::text[])`;
  return Object.fromEntries(
    resources.map((resource) => {
      const own = said.filter((each) => each.resource === resource);
      const use = own.find(({ whose, here }) => here === null && whose === projectId);
      const common = own.find(({ whose, here }) => here === null && whose === everyProject)?.most ?? defaults[resource] ?? quotaDefaults[resource];
      const limits = [use?.most, ...[false, true].map((where) => boundIn(own.filter(({ here }) => here === where), projectId))].filter((most) => most != null);
      return [resource, { limit: limits.length === 0 ? common : leastOf(limits), used: use?.used ?? 0 }];
    }),
  );
}

/** `here`: what is registered with identity, of this region alone or not; null: what was set by a service. */
type Said = { resource: string; whose: string; used: number; most: number | null; here: boolean | null };

function boundIn(bounds: readonly Said[], projectId: string): number | null | undefined {
  return (bounds.find(({ whose }) => whose === projectId) ?? bounds[0])?.most;
}

function leastOf(limits: readonly number[]): number {
  const limited = limits.filter((limit) => limit !== -1);
  return limited.length === 0 ? -1 : Math.min(...limited);
}

/** What a project may have that was told nothing else. */
export async function commonLimits(tx: Transaction, resources: readonly QuotaResource[], defaults: Amounts = {}): Promise<Partial<Record<QuotaResource, number>>> {
  const found = Object.entries(await quotaUsage(tx, '', resources, defaults));
  return Object.fromEntries(found.map(([resource, { limit }]) => [resource, limit]));
}

/** Projects for which an operator, or who rents them, has set a limit of one of these here. */
export async function projectsWithLimits(tx: Transaction, resources: readonly QuotaResource[]): Promise<string[]> {
  const rows = await tx.rows<{ project_id: string }>`
    select distinct project_id from quota.claim where most is not null and project_id <> ${everyProject} and resource = any(${[...resources]}::text[]) order by project_id`;
  return rows.map(({ project_id }) => project_id);
}

/** Woken when a limit was set that home must hear of. */
export const limitsChannel = 'quota_limits';

/** Sets limits; -1 is unlimited. A limit below what is used stops further claims and takes nothing away. */
export async function setQuotaLimits(tx: Transaction, projectId: string, limits: Amounts): Promise<void> {
  for (const [resource, most] of entries(limits))
    await tx.run`
      insert into quota.claim as c (project_id, resource, most, unsaid, lease)
      select ${projectId}, ${resource}, ${most}::bigint, leased, case when leased then 0 end from quota.place
      on conflict (project_id, resource) do update set most = excluded.most, unsaid = excluded.unsaid`;
  tx.wake(limitsChannel);
}

/** Limits of every project that has none of its own, in all regions. */
export function setCommonLimits(tx: Transaction, limits: Amounts): Promise<void> {
  return setQuotaLimits(tx, everyProject, limits);
}

/** Puts the defaults back for these resources. */
export async function resetQuotaLimits(tx: Transaction, projectId: string, resources: readonly QuotaResource[]): Promise<void> {
  await tx.run`
    update quota.claim set most = null, unsaid = (select leased from quota.place)
    where project_id = ${projectId} and resource = any(${[...resources]}::text[]) and most is not null`;
  tx.wake(limitsChannel);
}

/** All that is counted as used, for invariant I4: `used` must equal what exists. */
export function countedQuota(tx: Transaction, resources: readonly QuotaResource[]): Promise<{ projectId: string; resource: QuotaResource; used: number }[]> {
  return tx.rows(sql`select project_id as "projectId", resource, used from quota.claim where resource = any(${[...resources]}::text[])`);
}

function entries(amounts: Amounts): [QuotaResource, number][] {
  return (Object.entries(amounts) as [QuotaResource, number][]).sort(([one], [other]) => (one < other ? -1 : 1));
}
