/** The door of backups. */
import { backups as contract } from '../../contract/volume/backups.ts';
import { badRequest } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { changeBackup, createBackup, deleteBackup, exportRecord, findRecord, getBackup, importRecord, listBackups, resetBackupStatus, restoreBackup, type Backup } from './backups.ts';
import type { RegionParts } from '../parts.ts';
import { cut, readPage } from './lists.ts';
import { demandKnownFilters } from './resource-filters.ts';
import { isTrue, linksTo, micros, nextLinks } from './shapes.ts';

const filters = ['id', 'name', 'status', 'volume_id', 'project_id'];

type Asked = Parameters<typeof linksTo>[0];
type Paged = Asked & Parameters<typeof listBackups>[0] & { otherQuery: Readonly<Record<string, unknown>>; query: Readonly<Record<string, unknown>>; page(change: Record<string, string>): string };

async function listed<T>(request: Paged, shown: (backup: Backup) => T) {
  if (request.query['any_filter'] !== true) demandKnownFilters(request.caller, 'backup', [...Object.keys(request.query), ...Object.keys(request.otherQuery)]);
  const query = readPage(request.query, filters);
  const { found, count } = await listBackups(request, query);
  const { page, next } = cut(found, query.limit, request.page);
  return new Answer({ backups: page.map(shown), ...(next === undefined ? {} : { backups_links: nextLinks(next)! }), ...(count === undefined ? {} : { count }) }, { next });
}

export function backups(parts: RegionParts) {
  return implement(contract, {
    list: (request) => listed(request, (backup) => brief(request, backup)),
    detail: (request) => listed(request, (backup) => detailed(request, backup)),

    async create(request) {
      const { backup: wish } = request.body;
      const backup = await createBackup(request, {
        volumeId: wish.volume_id,
        snapshotId: wish.snapshot_id ?? null,
        name: wish.name?.trim() ?? null,
        description: wish.description?.trim() ?? null,
        container: wish.container ?? null,
        incremental: isTrue(wish.incremental),
        force: isTrue(wish.force),
        metadata: wish.metadata ?? {},
        zone: wish.availability_zone ?? null,
      });
      return { backup: brief(request, backup) };
    },

    show: async (request) => ({ backup: detailed(request, await getBackup(request, request.params.backup_id)) }),

    async update(request) {
      const { name, description, metadata } = request.body.backup;
      if (name === undefined && description === undefined && metadata === undefined) throw badRequest('Must specify at least one of name, description and metadata.');
      const changed = await changeBackup(request, request.params.backup_id, {
        ...(name === undefined ? {} : { name: name?.trim() ?? null }),
        ...(description === undefined ? {} : { description: description?.trim() ?? null }),
        ...(metadata === undefined ? {} : { metadata }),
      });
      return { backup: brief(request, changed) };
    },

    async delete(request) {
      await deleteBackup(request, request.params.backup_id);
      return undefined;
    },

    async restore(request) {
      const id = request.params.backup_id;
      const { volumeId, volumeName } = await restoreBackup(request, id, { volumeId: request.body.restore?.volume_id ?? null, name: request.body.restore?.name ?? null });
      return { restore: { backup_id: id, volume_id: volumeId, volume_name: volumeName } };
    },

    async exportRecord(request) {
      const { service, url } = await exportRecord(request, request.params.backup_id);
      return { 'backup-record': { backup_service: service, backup_url: url } };
    },

    async importRecord(request) {
      const { backup_service: service, backup_url: url } = request.body['backup-record'];
      const found = await findRecord(parts, { service, url });
      const { caller, requestId, random } = request;
      return request.commit(async (tx) => ({ backup: brief(request, await importRecord({ tx, caller, requestId, random, now: parts.clock.now() }, found)) }));
    },

    async resetStatus(request) {
      await resetBackupStatus(request, request.params.backup_id, request.body['os-reset_status'].status);
      return undefined;
    },

    async forceDelete(request) {
      await deleteBackup(request, request.params.backup_id, { force: true });
      return undefined;
    },
  });
}

function brief(asked: Asked, { id, name }: Backup) {
  return { id, name, links: linksTo(asked, `/backups/${id}`) };
}

function detailed(asked: Asked, backup: Backup) {
  return {
    ...brief(asked, backup),
    status: backup.status,
    size: backup.sizeGiB,
    object_count: backup.objectCount,
    availability_zone: backup.availabilityZone,
    container: backup.container,
    created_at: micros(backup.createdAt),
    updated_at: micros(backup.updatedAt),
    description: backup.description,
    fail_reason: backup.failure,
    volume_id: backup.volumeId,
    is_incremental: backup.parentId !== null,
    has_dependent_backups: backup.hasChildren,
    snapshot_id: backup.snapshotId,
    data_timestamp: micros(backup.dataAt),
    metadata: backup.metadata,
    ...(backup.keyId === null ? {} : { encryption_key_id: backup.keyId }),
    ...(asked.caller.isAdmin ? { 'os-backup-project-attr:project_id': backup.projectId, user_id: backup.userId } : {}),
  };
}
