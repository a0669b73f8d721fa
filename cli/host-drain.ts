/** `intercloud host drain` and `undrain`: a host takes no new servers, and those that it has go elsewhere. Repeating it goes on where it ended. */
import { setTimeout as pause } from 'node:timers/promises';
import { Refused, type Client } from '../contract/client.ts';
import type { compute } from '../contract/compute/service.ts';
import { Failure } from './failure.ts';
import { titleOf } from './sign-in.ts';

/** `early`: of a version that says with the answer whether a server can move while it runs. */
export type Clients = { newest: Client<typeof compute>; early: Client<typeof compute> };

export type Mover = { id: string; name: string; status: string };
export type Stays = Mover & { why: string };
export type DrainPlan = { host: string; moves: Mover[]; stays: Stays[] };

export type Drained = DrainPlan & { moved: (Mover & { how: 'live' | 'cold' })[] };

const lookEveryMs = 500;
const eachWithinMs = 900_000;
/** Ours to confirm: an operator has begun them here. */
const drained = 'drained';

const reasons: Record<string, string> = {
  PAUSED: 'it is paused: unpause it, or stop it',
  SUSPENDED: 'it is suspended: resume it, or stop it',
  RESCUE: 'it is being rescued: end that first',
  ERROR: 'it is in error: see why, or delete it',
  VERIFY_RESIZE: 'its resize waits for its user: have it confirmed or reverted',
  BUILD: 'it is being made: it moves when that has ended',
};

/** What would move and what cannot, and why; changes nothing. */
export async function planDrain({ newest }: Clients, host: string): Promise<DrainPlan> {
  const others = (await newest.services.list({ query: { binary: 'nova-compute' } })).body.services;
  if (!others.some((each) => each.host === host)) throw new Failure(`There is no host ${host} that has reported`, 'See which there are: openstack hypervisor list');
  const hasElsewhere = others.some((each) => each.host !== host && each.status === 'enabled' && each.state === 'up');
  const { servers } = (await newest.servers.detail({ query: { all_tenants: '1', host } })).body;
  const looked = servers.map((server) => ({ id: server.id, name: server.name, status: server.status, why: whyNot(server, hasElsewhere) }));
  return {
    host,
    moves: looked.flatMap(({ why, ...mover }) => (why === undefined ? [mover] : [])),
    stays: looked.flatMap(({ why, ...mover }) => (why === undefined ? [] : [{ ...mover, why }])),
  };
}

function whyNot(server: { status: string; 'OS-EXT-STS:task_state'?: string | null }, hasElsewhere: boolean): string | undefined {
  const task = server['OS-EXT-STS:task_state'];
  if (task) return `something is being done with it (${task}): it moves when that has ended`;
  if (server.status !== 'ACTIVE' && server.status !== 'SHUTOFF') return reasons[server.status] ?? `it is ${server.status}`;
  return hasElsewhere ? undefined : 'there is no other host that is up and takes servers';
}

/** `say`: what has become of each, as it becomes so. */
export async function drainHost(clients: Clients, host: string, say: (line: string) => void): Promise<Drained> {
  const { newest } = clients;
  const plan = await planDrain(clients, host);
  await change(newest, host, { status: 'disabled', disabled_reason: drained });
  await confirmLeft(clients, host);
  for (const { name, why } of plan.stays) say(`${name} stays: ${why}`);
  const moved: Drained['moved'] = [];
  const stays = [...plan.stays];
  for (const mover of plan.moves) {
    const outcome = await move(clients, mover, host);
    if (outcome === 'live' || outcome === 'cold') moved.push({ ...mover, how: outcome });
    else stays.push({ ...mover, why: outcome.why });
    say(outcome === 'live' ? `${mover.name} has moved, running` : outcome === 'cold' ? `${mover.name} has moved, switched off meanwhile` : `${mover.name} stays: ${outcome.why}`);
  }
  return { ...plan, stays, moved };
}

export async function undrainHost({ newest }: Clients, host: string): Promise<void> {
  await change(newest, host, { status: 'enabled' });
}

async function change(newest: Clients['newest'], host: string, body: { status: 'enabled' } | { status: 'disabled'; disabled_reason: string }): Promise<void> {
  const found = (await newest.services.list({ query: { host, binary: 'nova-compute' } })).body.services[0];
  if (!found) throw new Failure(`There is no host ${host} that has reported`, 'See which there are: openstack hypervisor list');
  await newest.services.update({ params: { service_id: String(found.id) }, body });
}

/** While it runs, where that can be; else switched off, as it is for a machine of its own. */
async function move(clients: Clients, { id, status }: Mover, host: string): Promise<'live' | 'cold' | { why: string }> {
  const params = { server_id: id };
  if (status === 'ACTIVE') {
    const live = await told(clients.early.serverActions.migrateLive({ params, body: { 'os-migrateLive': { host: null, block_migration: 'auto' } } as never }));
    if (live === undefined) return (await settled(clients, id, host)) === host ? { why: await whyItIsStill(clients, id) } : 'live';
  }
  const cold = await told(clients.newest.serverActions.migrate({ params, body: { migrate: null } }));
  if (cold !== undefined) return { why: cold };
  if ((await settled(clients, id, host)) === host) return { why: await whyItIsStill(clients, id) };
  await clients.newest.serverActions.confirmResize({ params, body: { confirmResize: null } });
  return 'cold';
}

/** Those that an earlier run has moved, and that it did not come to confirm. */
async function confirmLeft({ newest }: Clients, host: string): Promise<void> {
  const { migrations } = (await newest.migrations.list({ query: { source_compute: host, status: 'finished', migration_type: 'migration' } })).body;
  for (const { instance_uuid: id } of migrations) {
    const { status } = (await newest.servers.show({ params: { server_id: id } })).body.server;
    if (status === 'VERIFY_RESIZE') await newest.serverActions.confirmResize({ params: { server_id: id }, body: { confirmResize: null } });
  }
}

/** On which host it is when nothing is done with it any more. */
async function settled({ newest }: Clients, id: string, from: string): Promise<string> {
  for (const deadline = performance.now() + eachWithinMs; performance.now() < deadline; await pause(lookEveryMs)) {
    const { server } = (await newest.servers.show({ params: { server_id: id } })).body;
    if (!server['OS-EXT-STS:task_state'] && server.status !== 'MIGRATING') return server['OS-EXT-SRV-ATTR:host'] ?? from;
  }
  return from;
}

async function whyItIsStill({ newest }: Clients, id: string): Promise<string> {
  const { server } = (await newest.servers.show({ params: { server_id: id } })).body;
  return server.fault?.message ?? 'its move failed: openstack server event list tells why';
}

/** What was refused, in the service's words. */
async function told(asked: Promise<unknown>): Promise<string | undefined> {
  try {
    await asked;
    return undefined;
  } catch (error) {
    if (error instanceof Refused) return messageOf(error);
    throw error;
  }
}

function messageOf(error: Refused): string {
  const said = typeof error.body === 'object' && error.body !== null ? Object.values(error.body as Record<string, { message?: string }>)[0] : undefined;
  return said?.message ?? titleOf(error);
}
