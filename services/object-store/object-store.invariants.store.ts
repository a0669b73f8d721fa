import type { Transaction } from '../../kit/postgres/database.ts';

export function selectDamaged(tx: Transaction, limit: number): Promise<{ projectId: string; sha256: string; file: string; objects: string[] }[]> {
  return tx.rows`
    select b.project_id as "projectId", b.sha256, b.file, array(
      select format('%s/%s', c.name, o.name) from object_store.object o join object_store.container c on c.id = o.container_id
      where o.project_id = b.project_id and (o.sha256 = b.sha256 or exists (select from object_store.piece p where p.object_id = o.id and p.sha256 = b.sha256))
      order by 1 limit 5) as objects
    from object_store.blob b where b.damaged_at is not null order by b.project_id, b.sha256 limit ${limit}`;
}

export function selectWithFiles(tx: Transaction, { after, limit }: { after: { projectId: string; sha256: string }; limit: number }): Promise<{ projectId: string; sha256: string; file: string; sizeBytes: number; inRow: number | null }[]> {
  return tx.rows`
    select project_id as "projectId", sha256, file, size_bytes as "sizeBytes", octet_length(bytes) as "inRow" from object_store.blob
    where (project_id, sha256) > (${after.projectId}, ${after.sha256}) order by project_id, sha256 limit ${limit}`;
}

/** Let go of by all, and not on the way to be removed. */
export function selectUnowned(tx: Transaction, limit: number): Promise<{ projectId: string; sha256: string }[]> {
  return tx.rows`
    select b.project_id as "projectId", b.sha256 from object_store.blob b
    where not exists (select from object_store.object o where o.project_id = b.project_id and o.sha256 = b.sha256)
      and not exists (select from object_store.piece p where p.project_id = b.project_id and p.sha256 = b.sha256)
      and not exists (select from object_store.upload_part u where u.project_id = b.project_id and u.sha256 = b.sha256)
      and not exists (select from object_store.loose l where l.project_id = b.project_id and l.sha256 = b.sha256)
    order by b.project_id, b.sha256 limit ${limit}`;
}

export type Miscounted = { projectId: string; name: string; objects: number; bytes: number; countedObjects: number; countedBytes: number };

/** Of one snapshot: what was counted and folded, and what was noted since, against what there is. */
export function selectMiscounted(tx: Transaction, limit: number): Promise<Miscounted[]> {
  return tx.rows<Miscounted>`
    select * from (
      select c.project_id as "projectId", c.name,
        (c.objects + coalesce(u.objects, 0))::bigint as objects, (c.bytes + coalesce(u.bytes, 0))::bigint as bytes,
        coalesce(o.objects, 0)::bigint as "countedObjects", (coalesce(o.bytes, 0) + coalesce(p.bytes, 0))::bigint as "countedBytes"
      from object_store.container c
      left join (select container_id, sum(objects) as objects, sum(bytes) as bytes from object_store.usage_change where container_id is not null group by container_id) u on u.container_id = c.id
      left join (select container_id, count(*) filter (where is_latest and not is_marker) as objects, sum(used_bytes) as bytes from object_store.object group by container_id) o on o.container_id = c.id
      left join (select container_id, sum(size_bytes) as bytes from object_store.upload_part group by container_id) p on p.container_id = c.id
    ) counted
    where objects <> "countedObjects" or bytes <> "countedBytes" order by "projectId", name limit ${limit}`;
}
