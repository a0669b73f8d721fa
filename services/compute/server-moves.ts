/** Taking a server from one host to another. nova/api/openstack/compute/{migrate_server,evacuate}.py */
import { badRequest, Fault, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { releaseClaim } from '../placement/claims.ts';
import { findHost, isAlive, listHosts } from '../placement/hosts.ts';
import { endAction, noteAction } from './actions.ts';
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
  if (await demandDestination(context, server, hostname, 'os-migrate-server:migrate:host')) throw badRequest('Cannot migrate to the host where the server exists.');
  const { left, ...place } = await claimElsewhere(compute, context, server, hostname);
  const changes: Partial<Server> = { ...place, resize: { from: server.flavor, vmState: server.vmState, left }, taskState: 'resize_prep' };
  const changed = await changeServer(tx, { now: () => now }, server, changes, { event: 'server.migrate.start', requestId, intent: true });
  await beginMigration(tx, compute.random, server, { type: 'migration', status: 'migrating', userId: caller.userId, targetHostId: place.hostId, newFlavor: server.flavor.id, now });
  await startWork(compute, context, changed, 'migrate', migrateServerWorkflow, {});
}

/** Whether it can move anywhere is said with the answer, or by what becomes of the migration. */
export async function liveMigrateServer(compute: Compute, context: Context, id: string, { hostname, checkedAtOnce }: { hostname: string | null; checkedAtOnce: boolean }): Promise<void> {
  const { tx, now, requestId, caller } = context;
  const server = await usable(context, id, 'os-migrateLive');
  const isThere = await demandDestination(context, server, hostname, 'os-migrate-server:migrate_live:host');
  const claimed = isThere ? badRequest(`Unable to migrate instance (${id}) to current host (${hostname ?? ''}).`) : await claimElsewhere(compute, context, server, hostname, { running: true }).catch(asRefusal);
  if (claimed instanceof Fault) {
    if (checkedAtOnce) throw claimed;
    return noteThatItCannot(compute, context, server, claimed.message);
  }
  const { left, ...place } = claimed;
  const changes: Partial<Server> = { ...place, resize: { from: server.flavor, vmState: server.vmState, left }, taskState: 'migrating' };
  const changed = await changeServer(tx, { now: () => now }, server, changes, { event: 'server.live_migration.start', requestId, intent: true });
  await beginMigration(tx, compute.random, server, { type: 'live-migration', status: 'running', userId: caller.userId, targetHostId: place.hostId, newFlavor: server.flavor.id, now });
  await startWork(compute, context, changed, 'live-migration', liveMigrateServerWorkflow, {});
}

function asRefusal(error: unknown): Fault {
  if (error instanceof Fault && error.status === 400) return error;
  throw error;
}

async function noteThatItCannot(compute: Compute, { tx, caller, now, requestId }: Context, server: Server, message: string): Promise<void> {
  const about = { serverId: server.id, projectId: server.projectId, requestId };
  await beginMigration(tx, compute.random, server, { type: 'live-migration', status: 'error', userId: caller.userId, targetHostId: null, newFlavor: server.flavor.id, now });
  await noteAction(tx, { ...about, action: 'live-migration', userId: caller.userId, startedAt: now, hostId: server.hostId });
  await endAction(tx, about, { result: 'Error', message, now });
}

/** From a host that has failed: what was on its disk there is lost, what is on volumes is not. */
export async function evacuateServer(compute: Compute, context: Context, id: string, { hostname, adminPass, keepPower }: { hostname: string | null; adminPass: string | null; keepPower: boolean }): Promise<void> {
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

/** Whether the server is there already. */
async function demandDestination({ tx, caller }: Context, server: Server, hostname: string | null, rule: string): Promise<boolean> {
  if (hostname === null) return false;
  if (!caller.isAdmin) throw forbidden(`Policy doesn't allow os_compute_api:${rule} to be performed.`);
  const host = (await listHosts(tx)).find((each) => each.hostname === hostname);
  if (!host) throw badRequest(`Compute host ${hostname} could not be found.`);
  return host.id === server.hostId;
}
