/** What runs for the network on each host, as ML2/OVN shows it: neutron/plugins/ml2/drivers/ovn/agent/neutron_agent.py. */
import { createHash } from 'node:crypto';
import { badRequest, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { isAlive, listHosts, type Host } from '../placement/hosts.ts';
import { putAgentNote, selectAgentNotes } from './agents.store.ts';
import { seconds } from './listing.ts';

export type Agent = Awaited<ReturnType<typeof listAgents>>[number];

/** Every host of ours can be where routers reach the outside. */
const kinds = [
  { agent_type: 'OVN Controller Gateway agent', binary: 'ovn-controller' },
  { agent_type: 'OVN Metadata agent', binary: 'neutron-ovn-metadata-agent' },
] as const;

type Asking = Pick<Context, 'tx' | 'now'>;

export async function listAgents({ tx, now }: Asking) {
  const notes = new Map((await selectAgentNotes(tx)).map((note) => [note.id, note]));
  return (await listHosts(tx)).filter(hasAgents).flatMap((host) =>
    kinds.flatMap(({ agent_type, binary }) => {
      const id = idOf(host, binary);
      const note = notes.get(id);
      if (note?.deleted_at && host.seenAt <= note.deleted_at) return [];
      const since = pythonTime(host.report.startedAt === undefined ? host.seenAt : new Date(host.report.startedAt));
      return [
        {
          id, agent_type, binary, host: host.hostname, topic: 'n/a', admin_state_up: true, alive: isAlive(host, now), availability_zone: host.availabilityZone, description: note?.description ?? '',
          configurations: { chassis_name: host.id }, created_at: since, started_at: since, heartbeat_timestamp: pythonTime(host.seenAt), resources_synced: null,
        },
      ];
    }),
  );
}

/** Those on whose hosts routers may reach the outside. */
export async function gatewayAgents(context: Asking): Promise<Agent[]> {
  return (await listAgents(context)).filter(({ binary }) => binary === kinds[0].binary);
}

export async function getAgent(context: Asking, id: string): Promise<Agent> {
  return (await listAgents(context)).find((agent) => agent.id === id) ?? agentNotThere(id);
}

export async function updateAgent(context: Asking, id: string, wish: { admin_state_up?: boolean; description?: string | null }): Promise<Agent> {
  const agent = await getAgent(context, id);
  if (wish.admin_state_up === false) throw badRequest('Bad agent request: OVN agent status cannot be updated.', 'BadRequest');
  if (wish.description !== undefined) await putAgentNote(context.tx, { id, description: wish.description ?? '', deleted_at: null });
  return { ...agent, description: wish.description === undefined ? agent.description : (wish.description ?? '') };
}

/** One whose host reports comes back with its next report. */
export async function deleteAgent(context: Asking, id: string): Promise<void> {
  await getAgent(context, id);
  await putAgentNote(context.tx, { id, description: '', deleted_at: context.now });
}

export type Zone = { name: string; resource: 'network' | 'router'; state: 'available' | 'unavailable' };

export async function listZones({ tx, now }: Asking): Promise<Zone[]> {
  const hosts = (await listHosts(tx)).filter(hasAgents);
  return [...new Set(hosts.map((host) => host.availabilityZone))].toSorted().flatMap((name) => {
    const state = hosts.some((host) => host.availabilityZone === name && isAlive(host, now)) ? 'available' : 'unavailable';
    return (['network', 'router'] as const).map((resource) => ({ name, resource, state: state as Zone['state'] }));
  });
}

/** Each once, as they were named. */
export async function checkedZones(context: Asking, hints: readonly string[]): Promise<string[]> {
  if (hints.length === 0) return [];
  const known = new Set((await listZones(context)).map(({ name }) => name));
  const unknown = hints.filter((hint) => !known.has(hint));
  if (unknown.length > 0) throw notFound(`AvailabilityZone ${unknown.join(', ')} could not be found.`, 'AvailabilityZoneNotFound');
  return [...new Set(hints)];
}

/** Whether another cloud has this region's network, which is asked and not told. */
export async function isElsewhere({ tx }: Pick<Asking, 'tx'>): Promise<boolean> {
  return !(await listHosts(tx)).every(hasAgents);
}

/** What is promised to us whole is somebody else's, with agents that are his. */
const hasAgents = (host: Host) => host.report.contracted !== true;

function idOf(host: Host, binary: string): string {
  const digits = createHash('sha256').update(`${host.id} ${binary}`).digest('hex');
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-5${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
}

const pythonTime = (at: Date) => seconds(at).replace('T', ' ').replace('Z', '');

function agentNotThere(id: string): never {
  throw notFound(`Agent ${id} could not be found.`, 'AgentNotFound');
}
