import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type Flavor = {
  id: string;
  name: string;
  vcpus: number;
  memoryMiB: number;
  diskGiB: number;
  ephemeralGiB: number;
  swapMiB: number;
  rxtxFactor: number;
  isPublic: boolean;
  /** Servers made before 2.55 was known carry none. */
  description?: string | null;
  extraSpecs: Record<string, string>;
};

const columns = sql`
  id, name, vcpus, memory_mib as "memoryMiB", disk_gib as "diskGiB", ephemeral_gib as "ephemeralGiB", swap_mib as "swapMiB",
  rxtx_factor as "rxtxFactor", is_public as "isPublic", description, extra_specs as "extraSpecs"`;

/** Public ones, and private ones that this project may use; all of them for null. */
const usableBy = (projectId: string | null) => sql`
  (${projectId}::text is null or is_public or exists (select from compute.flavor_access where flavor_id = flavor.id and project_id = ${projectId}))`;

export type FlavorFilter = { usableBy: string | null; isPublic: boolean | null; minMemoryMiB: number; minDiskGiB: number };

export function selectFlavors(tx: Transaction, filter: FlavorFilter): Promise<Flavor[]> {
  return tx.rows<Flavor>`
    select ${columns} from compute.flavor
    where ${usableBy(filter.usableBy)} and (${filter.isPublic}::boolean is null or is_public = ${filter.isPublic})
      and memory_mib >= ${filter.minMemoryMiB} and disk_gib >= ${filter.minDiskGiB}`;
}

export function selectFlavor(tx: Transaction, id: string, projectId: string | null): Promise<Flavor | undefined> {
  return tx.one<Flavor>`select ${columns} from compute.flavor where id = ${id} and ${usableBy(projectId)}`;
}

export function lockFlavor(tx: Transaction, id: string): Promise<Flavor | undefined> {
  return tx.one<Flavor>`select ${columns} from compute.flavor where id = ${id} for update`;
}

/** Says whether it was made: another may have its id or its name. */
export async function insertFlavor(tx: Transaction, flavor: Flavor, now: Date): Promise<boolean> {
  const made = await tx.run`
    insert into compute.flavor (id, name, vcpus, memory_mib, disk_gib, ephemeral_gib, swap_mib, rxtx_factor, is_public, description, extra_specs, created_at)
    values (${flavor.id}, ${flavor.name}, ${flavor.vcpus}, ${flavor.memoryMiB}, ${flavor.diskGiB}, ${flavor.ephemeralGiB}, ${flavor.swapMiB},
      ${flavor.rxtxFactor}, ${flavor.isPublic}, ${flavor.description ?? null}, ${sql.json(flavor.extraSpecs)}::jsonb, ${now})
    on conflict do nothing`;
  return made === 1;
}

export function deleteFlavorRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from compute.flavor where id = ${id}`;
}

export async function updateDescription(tx: Transaction, id: string, description: string | null): Promise<void> {
  await tx.run`update compute.flavor set description = ${description} where id = ${id}`;
}

export async function updateExtraSpecs(tx: Transaction, id: string, extraSpecs: Record<string, string>): Promise<void> {
  await tx.run`update compute.flavor set extra_specs = ${sql.json(extraSpecs)}::jsonb where id = ${id}`;
}

export async function selectAccess(tx: Transaction, flavorId: string): Promise<string[]> {
  const rows = await tx.rows<{ projectId: string }>`select project_id as "projectId" from compute.flavor_access where flavor_id = ${flavorId} order by project_id`;
  return rows.map(({ projectId }) => projectId);
}

export function insertAccess(tx: Transaction, flavorId: string, projectId: string): Promise<number> {
  return tx.run`insert into compute.flavor_access (flavor_id, project_id) values (${flavorId}, ${projectId}) on conflict do nothing`;
}

export function deleteAccess(tx: Transaction, flavorId: string, projectId: string): Promise<number> {
  return tx.run`delete from compute.flavor_access where flavor_id = ${flavorId} and project_id = ${projectId}`;
}
