/** The SQL of what works on volumes. */
import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type Binary = 'cinder-scheduler' | 'cinder-volume' | 'cinder-backup';
export type VolumeService = { host: string; binary: Binary; disabled: boolean; disabledReason: string | null; seenAt: Date; frozen: boolean };

const columns = sql.raw('host, binary_name as binary, disabled, disabled_reason as "disabledReason", seen_at as "seenAt", frozen');

export function selectServices(tx: Transaction): Promise<VolumeService[]> {
  return tx.rows<VolumeService>`select ${columns} from volume.service order by binary_name, host`;
}

export function markSeen(tx: Transaction, binary: Binary, now: Date): Promise<number> {
  return tx.run`update volume.service set seen_at = ${now} where binary_name = ${binary}`;
}

export function updateService(tx: Transaction, { host, binary, disabled, disabledReason, frozen }: Omit<VolumeService, 'seenAt'>): Promise<number> {
  return tx.run`update volume.service set disabled = ${disabled}, disabled_reason = ${disabledReason}, frozen = ${frozen} where host = ${host} and binary_name = ${binary}`;
}

export type LogLevel = { binary: Binary; prefix: string; level: string };

export function selectLogLevels(tx: Transaction): Promise<LogLevel[]> {
  return tx.rows<LogLevel>`select binary_name as binary, prefix, level from volume.log_level order by binary_name, prefix`;
}

export function setLogLevel(tx: Transaction, { binary, prefix, level }: LogLevel): Promise<number> {
  return tx.run`insert into volume.log_level (binary_name, prefix, level) values (${binary}, ${prefix}, ${level}) on conflict (binary_name, prefix) do update set level = excluded.level`;
}

export type ProjectUse = { projectId: string; volumes: number; volumeGiB: number; snapshots: number; snapshotGiB: number };

export function useByProject(tx: Transaction): Promise<ProjectUse[]> {
  return tx.rows<ProjectUse>`
    select project_id as "projectId", sum(volumes)::int as volumes, sum(volume_gib)::int as "volumeGiB", sum(snapshots)::int as snapshots, sum(snapshot_gib)::int as "snapshotGiB" from (
      select project_id, 1 as volumes, size_gib as volume_gib, 0 as snapshots, 0 as snapshot_gib from volume.volume
      union all select project_id, 0, 0, 1, size_gib from volume.snapshot) each group by project_id order by project_id`;
}
