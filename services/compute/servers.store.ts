import type { GuestFile, PowerState, VettedImage } from '../../drivers/driver.ts';
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Flavor } from './flavors.ts';
import type { LocalDisk } from './local-disks.ts';

export type VmState = 'building' | 'active' | 'paused' | 'suspended' | 'stopped' | 'resized' | 'rescued' | 'shelved' | 'shelved_offloaded' | 'error' | 'deleted';

export type ServerFault = { code: number; message: string; details?: string; created: string };

/** A host that it has left, whose room is held under this id until nobody can want it back. */
export type Left = { hostId: string; hostZone: string | null; claimId: string };

export type Server = {
  id: string;
  projectId: string;
  userId: string;
  generation: number;
  name: string;
  hostname: string;
  vmState: VmState;
  taskState: string | null;
  power: PowerState;
  bootEpoch: number;
  diskEpoch: number;
  flavor: Flavor;
  imageId: string | null;
  rootImage: VettedImage | null;
  rootDiskGiB: number;
  localDisks: LocalDisk[];
  hostId: string | null;
  availabilityZone: string | null;
  onlyHostname: string | null;
  keyName: string | null;
  publicKey: string | null;
  userData: string | null;
  files: GuestFile[];
  configDrive: string;
  adminPass: string | null;
  metadata: Record<string, string>;
  accessIpv4: string;
  accessIpv6: string;
  diskConfig: 'AUTO' | 'MANUAL';
  locked: boolean;
  lockedBy: 'owner' | 'admin' | null;
  lockedReason: string | null;
  description: string | null;
  tags: string[];
  schedulerHints: Record<string, unknown>;
  groupId: string | null;
  /** Of its host: no operator can move a host to another one while it has servers. */
  hostZone: string | null;
  imageProperties: Record<string, string>;
  rescue: { image: VettedImage; vmState: VmState } | null;
  shelvedImageId: string | null;
  launchIndex: number;
  reservationId: string;
  fault: ServerFault | null;
  /** `localDisks`: as they were before. */
  resize: { from: Flavor; vmState: VmState; left?: Left; localDisks?: LocalDisk[] } | null;
  createdAt: Date;
  updatedAt: Date;
  launchedAt: Date | null;
  terminatedAt: Date | null;
  deletedAt: Date | null;
};

/** Property to column, for reading and for changing. */
const columnOf = {
  id: 'id',
  projectId: 'project_id',
  userId: 'user_id',
  generation: 'generation',
  name: 'name',
  hostname: 'hostname',
  vmState: 'vm_state',
  taskState: 'task_state',
  power: 'power',
  bootEpoch: 'boot_epoch',
  diskEpoch: 'disk_epoch',
  flavor: 'flavor',
  imageId: 'image_id',
  rootImage: 'root_image',
  rootDiskGiB: 'root_disk_gib',
  localDisks: 'local_disks',
  hostId: 'host_id',
  availabilityZone: 'availability_zone',
  onlyHostname: 'only_hostname',
  keyName: 'key_name',
  publicKey: 'public_key',
  userData: 'user_data',
  files: 'files',
  configDrive: 'config_drive',
  adminPass: 'admin_pass',
  metadata: 'metadata',
  accessIpv4: 'access_ipv4',
  accessIpv6: 'access_ipv6',
  diskConfig: 'disk_config',
  locked: 'locked',
  lockedBy: 'locked_by',
  lockedReason: 'locked_reason',
  description: 'description',
  tags: 'tags',
  schedulerHints: 'scheduler_hints',
  groupId: 'group_id',
  hostZone: 'host_zone',
  imageProperties: 'image_properties',
  rescue: 'rescue',
  shelvedImageId: 'shelved_image_id',
  launchIndex: 'launch_index',
  reservationId: 'reservation_id',
  fault: 'fault',
  resize: 'resize',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
  launchedAt: 'launched_at',
  terminatedAt: 'terminated_at',
  deletedAt: 'deleted_at',
} as const satisfies Record<keyof Server, string>;

const isJson = new Set<keyof Server>(['flavor', 'rootImage', 'localDisks', 'files', 'metadata', 'fault', 'resize', 'schedulerHints', 'imageProperties', 'rescue']);

const columns = columnsOf(Object.keys(columnOf) as (keyof Server)[]);

/** What only its machine needs to be told is left out of lists. */
export type ListedServer = Omit<Server, 'rootImage' | 'localDisks' | 'files' | 'publicKey' | 'adminPass'>;

const listedColumns = columnsOf((Object.keys(columnOf) as (keyof Server)[]).filter((property) => !['rootImage', 'localDisks', 'files', 'publicKey', 'adminPass'].includes(property)));

function columnsOf(properties: readonly (keyof Server)[]): Sql {
  return sql.raw(properties.map((property) => `server.${columnOf[property]} as "${property}"`).join(', '));
}

/** Deleted servers stay as rows for those who may ask for them. */
const living = sql`server.deleted_at is null`;

export function findServer(tx: Transaction, id: string): Promise<Server | undefined> {
  return tx.one<Server>`select ${columns} from compute.server where id = ${id} and ${living}`;
}

/** From here on nothing else changes it until the transaction ends. */
export function lockServerRow(tx: Transaction, id: string): Promise<Server | undefined> {
  return tx.one<Server>`select ${columns} from compute.server where id = ${id} and ${living} for no key update`;
}

export async function insertServer(tx: Transaction, server: Server): Promise<void> {
  const properties = Object.keys(columnOf) as (keyof Server)[];
  await tx.run`
    insert into compute.server (${sql.raw(properties.map((property) => columnOf[property]).join(', '))})
    values (${sql.join(properties.map((property) => valueOf(property, server[property])))})`;
}

/** Every change grows the time of the last one; `generation` grows when the intent does. */
export async function updateServerRow(tx: Transaction, id: string, changes: Partial<Server>, { now, bumps }: { now: Date; bumps: boolean }): Promise<number> {
  const assignments = Object.entries(changes).map(([property, value]) => sql`${sql.raw(columnOf[property as keyof Server])} = ${valueOf(property as keyof Server, value)}`);
  const row = await tx.one<{ generation: number }>`
    update compute.server set ${sql.join([...assignments, sql`updated_at = ${now}`, bumps ? sql`generation = generation + 1` : sql`generation = generation`])}
    where id = ${id} and deleted_at is null returning generation`;
  if (!row) throw new Error(`There is no server ${id} that could be changed`);
  return row.generation;
}

function valueOf(property: keyof Server, value: unknown): Sql | unknown {
  if (property === 'tags') return sql`${value}::text[]`;
  if (!isJson.has(property)) return value;
  return sql`${value === null ? null : sql.json(value)}::jsonb`;
}

export type ServerFilter = {
  /** Null: of every project. */
  projectId: string | null;
  /** Null: deleted or not. */
  deleted: boolean | null;
  changedSince: Date | null;
  changedBefore: Date | null;
  /** Regular expressions. */
  like: Partial<Record<LikeProperty, string>>;
  equals: Partial<Record<EqualProperty, string | boolean | number>>;
  flavorId: string | null;
  vmStates: readonly string[] | null;
  taskStates: readonly (string | null)[] | null;
  tags: { all: readonly string[]; any: readonly string[]; notAll: readonly string[]; notAny: readonly string[] };
  /** Those with one of these addresses, already looked up. */
  ids: readonly string[] | null;
};

export type LikeProperty = 'name' | 'description' | 'hostname' | 'keyName' | 'reservationId';
export type EqualProperty = 'imageId' | 'userId' | 'hostId' | 'vmState' | 'taskState' | 'availabilityZone' | 'id' | 'locked' | 'lockedBy' | 'configDrive' | 'launchIndex' | 'accessIpv4' | 'accessIpv6' | 'diskConfig' | 'power';

export type SortKey = keyof typeof sortable;

/** nova/api/openstack/compute/schemas/servers.py, VALID_SORT_KEYS; null sorts as nothing. */
export const sortable = {
  created_at: 'server.created_at',
  updated_at: 'server.updated_at',
  launched_at: `coalesce(server.launched_at, '-infinity')`,
  terminated_at: `coalesce(server.terminated_at, '-infinity')`,
  display_name: 'server.name',
  name: 'server.name',
  display_description: `coalesce(server.description, '')`,
  hostname: 'server.hostname',
  uuid: 'server.id',
  vm_state: 'server.vm_state',
  task_state: `coalesce(server.task_state, '')`,
  power_state: 'server.power',
  host: `coalesce(server.host_id, '')`,
  node: `coalesce(server.host_id, '')`,
  image_ref: `coalesce(server.image_id, '')`,
  instance_type_id: `server.flavor ->> 'id'`,
  key_name: `coalesce(server.key_name, '')`,
  project_id: 'server.project_id',
  user_id: 'server.user_id',
  availability_zone: `coalesce(server.availability_zone, '')`,
  config_drive: 'server.config_drive',
  launch_index: 'server.launch_index',
  access_ip_v4: 'server.access_ipv4',
  access_ip_v6: 'server.access_ipv6',
  auto_disk_config: 'server.disk_config',
  locked: 'server.locked',
  locked_by: `coalesce(server.locked_by, '')`,
  // The same for all of them here.
  progress: 'server.project_id',
  kernel_id: 'server.project_id',
  ramdisk_id: 'server.project_id',
  root_device_name: 'server.project_id',
} as const;

export type Page = { sort: readonly { key: SortKey; way: 'asc' | 'desc' }[]; limit: number; marker: string | null };

/** In one order without ties, from after the marker: a row that did not change is neither lost nor told twice. */
export function selectServers(tx: Transaction, filter: ServerFilter, { sort, limit, marker }: Page): Promise<ListedServer[]> {
  const last = sort.at(-1)?.way ?? 'desc';
  const order = [...sort.map(({ key, way }) => ({ column: sortable[key] as string, way })), { column: 'server.id', way: last }];
  const after = (count: number) =>
    sql.and(
      order.slice(0, count + 1).map(({ column, way }, index) => {
        const of = sql.raw(column);
        const operator = sql.raw(index < count ? '=' : way === 'asc' ? '>' : '<');
        return sql`${of} ${operator} (select ${of} from compute.server where id = ${marker})`;
      }),
    );
  return tx.rows<ListedServer>`
    select ${listedColumns} from compute.server
    where ${sql.and(conditions(filter))} and ${marker === null ? sql`true` : sql.or(order.map((_, index) => after(index)))}
    order by ${sql.raw(order.map(({ column, way }) => `${column} ${way}`).join(', '))}
    limit ${limit}`;
}

function conditions(filter: ServerFilter): Sql[] {
  const list: Sql[] = [];
  if (filter.projectId !== null) list.push(sql`server.project_id = ${filter.projectId}`);
  if (filter.deleted !== null) list.push(filter.deleted ? sql`server.deleted_at is not null` : living);
  if (filter.changedSince !== null) list.push(sql`server.updated_at >= ${filter.changedSince}`);
  // By whole seconds, as it is shown: what clients read of one server finds it.
  if (filter.changedBefore !== null) list.push(sql`server.updated_at < date_trunc('second', ${filter.changedBefore}::timestamptz) + interval '1 second'`);
  if (filter.flavorId !== null) list.push(sql`server.flavor ->> 'id' = ${filter.flavorId}`);
  if (filter.vmStates !== null) list.push(sql`server.vm_state = any(${[...filter.vmStates]}::text[])`);
  if (filter.taskStates !== null) list.push(sql`coalesce(server.task_state, '') = any(${filter.taskStates.map((state) => state ?? '')}::text[])`);
  if (filter.ids !== null) list.push(sql`server.id = any(${[...filter.ids]}::text[])`);
  for (const [property, pattern] of Object.entries(filter.like)) list.push(sql`server.${sql.raw(columnOf[property as keyof Server])} ~ ${pattern}`);
  for (const [property, value] of Object.entries(filter.equals)) list.push(sql`server.${sql.raw(columnOf[property as keyof Server])} = ${value}`);
  const { all, any, notAll, notAny } = filter.tags;
  if (all.length > 0) list.push(sql`server.tags @> ${[...all]}::text[]`);
  if (any.length > 0) list.push(sql`server.tags && ${[...any]}::text[]`);
  if (notAll.length > 0) list.push(sql`not server.tags @> ${[...notAll]}::text[]`);
  if (notAny.length > 0) list.push(sql`not server.tags && ${[...notAny]}::text[]`);
  return list;
}

/** Also of a server that is deleted. */
export async function projectOfServer(tx: Transaction, id: string): Promise<string | undefined> {
  return (await tx.one<{ projectId: string }>`select project_id as "projectId" from compute.server where id = ${id}`)?.projectId;
}

export async function isServerId(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.one`select id from compute.server where id = ${id}`) !== undefined;
}

/** Deleted or not. */
export function findAnyServer(tx: Transaction, id: string): Promise<Server | undefined> {
  return tx.one<Server>`select ${columns} from compute.server where id = ${id}`;
}

/** Every server that is not deleted, for reconciling and for invariants. */
export function selectLiving(tx: Transaction): Promise<Server[]> {
  return tx.rows<Server>`select ${columns} from compute.server where ${living} order by id`;
}

export async function selectDeleted(tx: Transaction, ids: readonly string[]): Promise<{ id: string; generation: number }[]> {
  return tx.rows`select id, generation from compute.server where deleted_at is not null and id = any(${[...ids]}::text[])`;
}

export type HostCount = { hostId: string; running: number; busy: number };

/** How many servers each host has, and how many of them have something under way. */
export function countByHost(tx: Transaction): Promise<HostCount[]> {
  return tx.rows<HostCount>`
    select host_id as "hostId", count(*)::int as running, count(task_state)::int as busy
    from compute.server where host_id is not null and ${living} group by host_id`;
}

export type Unplaced = { availabilityZone: string | null; vcpus: number; memoryMiB: number; diskGiB: number };

/** What servers need that are to be made and have no host yet. */
export function sumUnplaced(tx: Transaction): Promise<Unplaced[]> {
  return tx.rows<Unplaced>`
    select availability_zone as "availabilityZone", sum((flavor->>'vcpus')::int)::int as vcpus, sum((flavor->>'memoryMiB')::int)::int as "memoryMiB", sum(root_disk_gib)::int as "diskGiB"
    from compute.server where deleted_at is null and host_id is null and vm_state = 'building' group by availability_zone`;
}
