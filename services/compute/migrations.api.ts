import { migrations as contract, serverMigrations as ofServerContract } from '../../contract/compute/migrations.ts';
import { badRequest, notFound } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { listHosts } from '../placement/hosts.ts';
import { abortLiveMigration, forceLiveMigration } from './live-migrations.ts';
import { linksTo, mostPerPage, nextLinks } from './lists.ts';
import { findMigration, isMigrationId, selectMigrations, type Migration, type MigrationFilter } from './migrations.store.ts';
import { getServer, type Compute } from './servers.ts';
import { asPreciseTime } from './words.ts';

/** nova/api/openstack/compute/migrations.py, live_migration_in_progress */
const underWay = ['queued', 'preparing', 'running', 'post-migrating'];
const isUnderWay = ({ type, status }: Migration) => type === 'live-migration' && underWay.includes(status);

const anything: MigrationFilter = { serverId: null, hostId: null, sourceHostId: null, status: null, type: null, userId: null, projectId: null, changedSince: null, changedBefore: null };

export const migrations = implement(contract, {
  async list(request) {
    const { tx, query } = request;
    const [limit, marker] = [Math.min(query.limit || mostPerPage, mostPerPage), query.marker ?? null];
    if (marker !== null && !(await isMigrationId(tx, marker))) throw badRequest(`Marker ${marker} could not be found.`);
    const hosts = await listHosts(tx);
    const names = new Map(hosts.map(({ id, hostname }) => [id, hostname]));
    // A host that nobody knows has had none.
    const hostId = (name: string | undefined) => (name === undefined ? null : (hosts.find(({ hostname }) => hostname === name)?.id ?? '-'));
    const [changedSince, changedBefore] = [readTime(query['changes-since']), readTime(query['changes-before'])];
    if (changedSince && changedBefore && changedBefore < changedSince) throw badRequest('The value of changes-since must be less than or equal to changes-before.');
    const filter = {
      serverId: query.instance_uuid ?? null,
      hostId: hostId(query.host),
      sourceHostId: hostId(query.source_compute),
      status: query.status ?? null,
      type: query.migration_type ?? null,
      userId: query.user_id ?? null,
      projectId: query.project_id ?? null,
      changedSince,
      changedBefore,
    };
    const page = await selectMigrations(tx, filter, { marker, limit: limit + 1 });
    const shown = page.slice(0, limit);
    const links = page.length > limit ? nextLinks(request.page({ marker: shown.at(-1)!.id })) : undefined;
    return {
      migrations: shown.map((migration) => ({
        ...common(migration, names),
        instance_uuid: migration.serverId,
        migration_type: migration.type,
        old_instance_type_id: null,
        new_instance_type_id: null,
        ...(isUnderWay(migration) ? { links: linksTo(request, `/servers/${migration.serverId}/migrations/${migration.number}`) } : {}),
      })),
      ...(links ? { migrations_links: links } : {}),
    };
  },
});

export function serverMigrationsApi(compute: Compute) {
  return implement(ofServerContract, {
    async list({ tx, params, caller }) {
      await getServer({ tx }, params.server_id);
      // On which hosts they are is for administrators: nova/policies/servers_migrations.py, index:host
      const names = caller.isAdmin ? new Map((await listHosts(tx)).map(({ id, hostname }) => [id, hostname])) : null;
      const all = await selectMigrations(tx, { ...anything, serverId: params.server_id, type: 'live-migration' }, { marker: null, limit: mostPerPage });
      return { migrations: all.filter(isUnderWay).map((migration) => live(migration, names)) };
    },
    async show({ tx, params }) {
      const { server_id: id, migration_id: number } = params;
      await getServer({ tx }, id);
      const found = /^\d{1,9}$/.test(number) ? await findMigration(tx, id, Number(number)) : undefined;
      if (!found) throw notFound(`In-progress live migration ${number} is not found for server ${id}.`);
      if (found.type !== 'live-migration') throw notFound(`Migration ${number} for server ${id} is not live-migration.`);
      if (!isUnderWay(found)) throw notFound(`Live migration ${number} for server ${id} is not in progress.`);
      return { migration: live(found, new Map((await listHosts(tx)).map((host) => [host.id, host.hostname]))) };
    },
    async forceComplete(request) {
      await forceLiveMigration(request, request.params.server_id, request.params.migration_id);
    },
    async abort(request) {
      await abortLiveMigration(compute, request, request.params.server_id, request.params.migration_id);
    },
  });
}

/** Without names, nothing is said of hosts. */
function common(migration: Migration, names: ReadonlyMap<string, string> | null) {
  const host = (id: string | null) => (id === null || names === null ? null : (names.get(id) ?? id));
  const [source, target] = [host(migration.sourceHostId), host(migration.targetHostId)];
  return {
    id: migration.number,
    uuid: migration.id,
    status: migration.status,
    source_compute: source,
    source_node: source,
    dest_compute: target,
    dest_node: target,
    dest_host: null,
    created_at: asPreciseTime(migration.createdAt),
    updated_at: migration.updatedAt && asPreciseTime(migration.updatedAt),
    user_id: migration.userId,
    project_id: migration.projectId,
  };
}

/** How far it is no driver tells. */
function live(migration: Migration, names: ReadonlyMap<string, string> | null) {
  return {
    ...common(migration, names),
    server_uuid: migration.serverId,
    memory_total_bytes: null,
    memory_processed_bytes: null,
    memory_remaining_bytes: null,
    disk_total_bytes: null,
    disk_processed_bytes: null,
    disk_remaining_bytes: null,
  };
}

function readTime(text: string | undefined): Date | null {
  if (text === undefined) return null;
  const date = new Date(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(date.getTime())) throw badRequest(`Invalid input for query parameters. Value: ${text.slice(0, 60)}. '${text.slice(0, 60)}' is not a 'date-time'`);
  return date;
}
