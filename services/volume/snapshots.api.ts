/** The door of snapshots. */
import { snapshots as contract } from '../../contract/volume/snapshots.ts';
import { badRequest, notFound } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { cut, readPage } from './lists.ts';
import { demandKnownFilters } from './resource-filters.ts';
import { unmanageSnapshot } from './manageable.ts';
import { entryOf, isTrue, nextLinks, snapshotShown } from './shapes.ts';
import { changeSnapshot, createSnapshot, deleteSnapshot, getSnapshot, listSnapshots, reportSnapshotStatus, resetSnapshotStatus } from './snapshots.ts';
import { without } from './volumes.api.ts';

const filters = ['id', 'name', 'status', 'volume_id', 'project_id'];

type Paged = Parameters<typeof listSnapshots>[0] & { otherQuery: Readonly<Record<string, unknown>>; query: Readonly<Record<string, unknown>>; page(change: Record<string, string>): string };

async function listed(request: Paged, extended: boolean) {
  const { query: given, otherQuery, caller } = request;
  if (given['any_filter'] !== true) demandKnownFilters(caller, 'snapshot', [...Object.keys(given), ...Object.keys(otherQuery)]);
  const query = { ...readPage(given, filters), none: given['consumes_quota'] !== undefined && !isTrue(String(given['consumes_quota'])) };
  const { found, count } = await listSnapshots(request, query);
  const { page, next } = cut(found, query.limit, request.page);
  return new Answer({ snapshots: page.map((snapshot) => snapshotShown(snapshot, { extended })), ...(next === undefined ? {} : { snapshots_links: nextLinks(next) }), ...(count === undefined ? {} : { count }) }, { next });
}

export const snapshots = implement(contract, {
  list: (request) => listed(request, false),
  detail: (request) => listed(request, true),

  async create(request) {
    const { snapshot: wish } = request.body;
    // From 3.66 on: whoever says no is told that it is nobody's to say.
    if (wish.available_only === undefined && wish.force != null && !isTrue(wish.force)) throw badRequest("Invalid input received: Since microversion 3.66 'force' is an invalid option.");
    const snapshot = await createSnapshot(request, { volumeId: wish.volume_id ?? 'None', name: wish.name ?? wish.display_name ?? null, description: wish.description ?? wish.display_description ?? null, force: wish.available_only !== true, metadata: wish.metadata ?? {} });
    return { snapshot: snapshotShown(snapshot, { extended: false }) };
  },

  show: async (request) => ({ snapshot: snapshotShown(await getSnapshot(request, request.params.snapshot_id), { extended: true }) }),

  async update(request) {
    const { snapshot: wish } = request.body;
    const name = wish.name ?? wish.display_name;
    const description = wish.description ?? wish.display_description;
    const changed = await changeSnapshot(request, request.params.snapshot_id, { ...(name === undefined ? {} : { name }), ...(description === undefined ? {} : { description }) });
    return { snapshot: snapshotShown(changed, { extended: false }) };
  },

  async delete(request) {
    await deleteSnapshot(request, request.params.snapshot_id);
    return undefined;
  },

  async resetStatus(request) {
    await resetSnapshotStatus(request, request.params.snapshot_id, request.body['os-reset_status'].status);
    return undefined;
  },

  async forceDelete(request) {
    await deleteSnapshot(request, request.params.snapshot_id, { force: true });
    return undefined;
  },

  async unmanage(request) {
    await unmanageSnapshot(request, request.params.snapshot_id);
    return undefined;
  },

  async updateStatus(request) {
    const { status, progress } = request.body['os-update_snapshot_status'];
    await reportSnapshotStatus(request, request.params.snapshot_id, { status, progress: progress ?? null });
    return undefined;
  },

  metadata: async (request) => ({ metadata: (await getSnapshot(request, request.params.snapshot_id)).metadata }),

  async addMetadata(request) {
    const { metadata } = await changeSnapshot(request, request.params.snapshot_id, (snapshot) => ({ metadata: { ...snapshot.metadata, ...request.body.metadata } }));
    return { metadata };
  },

  async replaceMetadata(request) {
    const { metadata } = await changeSnapshot(request, request.params.snapshot_id, { metadata: request.body.metadata });
    return { metadata };
  },

  async metadataItem(request) {
    const { metadata } = await getSnapshot(request, request.params.snapshot_id);
    const value = metadata[request.params.key];
    if (value === undefined) throw notFound('Metadata item was not found');
    return { meta: { [request.params.key]: value } };
  },

  async setMetadataItem(request) {
    const meta = entryOf(request.body.meta, request.params.key);
    await changeSnapshot(request, request.params.snapshot_id, ({ metadata }) => ({ metadata: { ...metadata, ...meta } }));
    return { meta };
  },

  async deleteMetadataItem(request) {
    await changeSnapshot(request, request.params.snapshot_id, ({ metadata }) => {
      if (!Object.hasOwn(metadata, request.params.key)) throw notFound('Metadata item was not found');
      return { metadata: without(metadata, request.params.key) };
    });
    return undefined;
  },
});
