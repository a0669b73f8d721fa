/** Taking a server from one host to another. nova/api/openstack/compute/{migrate_server,evacuate}.py */
import { badRequest, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { releaseClaim } from '../placement/claims.ts';
import { findHost, isAlive, listHosts } from '../placement/hosts.ts';
import { beginMigration } from './migrations.ts';
import { changeServer } from './server-changes.ts';
import { claimElsewhere } from './server-hosts.ts';
import { startWork, usable } from './server-actions.ts';
import { evacuateServerWorkflow, liveMigrateServerWorkflow, migrateServerWorkflow } from './server-moves.workflow.ts';
import type { Compute } from './servers.ts';
import type { Server } from './servers.store.ts';

/** Cold: it is switched off, moved, and waits to be confirmed. */
export async function migrateServer(compute: Compute, context: Context, id: string, hostname: string | null): Promise<void> {
  const { tx, now, requestId, caller } = context;
  const server = await usable(context, id, 'migrate');
  await demandDestination(context, server, hostname, { rule: 'os-migrate-server:migrate:host', same: 'Cannot migrate to the host where the server exists.' });
  const { left, ...place } = await claimElsewhere(compute, context, server, hostname);
  const changes: Partial<Server> = { ...place, resize: { from: server.flavor, vmState: server.vmState, left }, taskState: 'resize_prep' };
  const changed = await changeServer(tx, { now: () => now }, server, changes, { event: 'server.migrate.start', requestId, intent: true });
  await beginMigration(tx, compute.random, server, { type: 'migration', status: 'migrating', userId: caller.userId, targetHostId: place.hostId, newFlavor: server.flavor.id, now });
  await startWork(compute, context, changed, 'migrate', migrateServerWorkflow, {});
}

export async function liveMigrateServer(compute: Compute, context: Context, id: string, hostname: string | null): Promise<void> {
  const { tx, now, requestId, caller } = context;
  const server = await usable(context, id, 'os-migrateLive');
  await demandDestination(context, server, hostname, { rule: 'os-migrate-server:migrate_live:host', same: `Unable to migrate instance (${id}) to current host (${hostname ?? ''}).` });
  const { left, ...place } = await claimElsewhere(compute, context, server, hostname);
  const changes: Partial<Server> = { ...place, resize: { from: server.flavor, vmState: server.vmState, left }, taskState: 'migrating' };
  const changed = await changeServer(tx, { now: () => now }, server, changes, { event: 'server.live_migration.start', requestId, intent: true });
  await beginMigration(tx, compute.random, server, { type: 'live-migration', status: 'running', userId: caller.userId, targetHostId: place.hostId, newFlavor: server.flavor.id, now });
  await startWork(compute, context, changed, 'live-migration', liveMigrateServerWorkflow, {});
}

/** From a host that has failed: what was on its disk there is lost, what is on volumes is not. */
export async function evacuateServer(compute: Compute, context: Context, id: string, { hostname, adminPass, keepPower }: { hostname: string | null; adminPass: string; keepPower: boolean }): Promise<void> {
  const { tx, now, requestId, caller } = context;
  const server = await usable(context, id, 'evacuate');
  const host = await findHost(tx, server.hostId!);
  if (hostname !== null && !(await listHosts(tx)).some((each) => each.hostname === hostname)) throw notFound(`Compute host ${hostname} not found.`);
  if (host && host.hostname === hostname) throw badRequest("The target host can't be the same one.");
  if (host && isAlive(host, now)) throw badRequest(`Compute service of ${host.hostname} is still in use.`);
  const { left, ...place } = await claimElsewhere(compute, context, server, hostname);
  await releaseClaim(tx, left.claimId, now);
  const power = keepPower && server.vmState !== 'stopped' ? 'running' : 'stopped';
  const changes: Partial<Server> = { ...place, taskState: 'rebuilding', power, diskEpoch: server.diskEpoch + 1, bootEpoch: server.bootEpoch + 1, adminPass, fault: null };
  const changed = await changeServer(tx, { now: () => now }, server, changes, { event: 'server.evacuate.start', requestId, intent: true });
  await beginMigration(tx, compute.random, server, { type: 'evacuation', status: 'accepted', userId: caller.userId, targetHostId: place.hostId, newFlavor: server.flavor.id, now });
  await startWork(compute, context, changed, 'evacuate', evacuateServerWorkflow, {});
}

async function demandDestination({ tx, caller }: Context, server: Server, hostname: string | null, { rule, same }: { rule: string; same: string }): Promise<void> {
  if (hostname === null) return;
  if (!caller.isAdmin) throw forbidden(`Policy doesn't allow os_compute_api:${rule} to be performed.`);
  const host = (await listHosts(tx)).find((each) => each.hostname === hostname);
  if (!host) throw badRequest(`Compute host ${hostname} could not be found.`);
  if (host.id === server.hostId) throw badRequest(same);
}
