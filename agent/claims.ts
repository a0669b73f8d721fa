/** What a host that has joined claims, as far as it is its own to claim: it is a machine that somebody may have got hold of. */
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { HostReport, ServerState } from '../drivers/driver.ts';
import type { Given, Member } from './fleet.ts';

const Text = Type.String({ maxLength: 255 });
const Count = Type.Integer({ minimum: 0, maximum: 2 ** 40 });

const Report = Type.Object({
  id: Text,
  hypervisorType: Text,
  hypervisorVersion: Count,
  address: Text,
  cpuModel: Text,
  architecture: Text,
  vcpus: Type.Integer({ minimum: 1, maximum: 8_192 }),
  memoryMiB: Count,
  diskGiB: Count,
  freeDiskGiB: Count,
  startedAt: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$' })),
});

const State = Type.Object({
  id: Text,
  hostId: Text,
  generation: Count,
  power: Type.Union([Type.Literal('running'), Type.Literal('stopped'), Type.Literal('paused'), Type.Literal('suspended'), Type.Literal('crashed')]),
  volumes: Type.Array(Text, { maxItems: 64 }),
  nics: Type.Array(Text, { maxItems: 64 }),
});

/** Its own report, by the name that it was invited by; and for whom else it speaks. */
export function hostReportOf(member: Member, said: unknown): { report: HostReport | undefined; foreign: string[] } {
  const claims = listOf(said).flatMap((each) => (Value.Check(Report, each) ? [each] : []));
  const own = claims.find(({ id }) => id === member.id);
  const foreign = claims.filter(({ id }) => id !== member.id).map(({ id }) => id);
  if (!own) return { report: undefined, foreign };
  const { hypervisorType, hypervisorVersion, address, cpuModel, architecture, vcpus, memoryMiB, diskGiB, freeDiskGiB, startedAt } = own;
  return { report: { id: member.id, hostname: member.name, hypervisorType, hypervisorVersion, address, cpuModel, architecture, vcpus, memoryMiB, diskGiB, freeDiskGiB, apart: true, ...(startedAt === undefined ? {} : { startedAt }) }, foreign };
}

/** Of the machines that it was given; and which others it tells of. */
export function serverStatesIn(member: Member, said: unknown, given: ReadonlyMap<string, Given>): { states: ServerState[]; foreign: string[] } {
  const claims = listOf(said).flatMap((each) => (Value.Check(State, each) ? [each] : []));
  const isOwn = ({ id, hostId }: { id: string; hostId: string }) => hostId === member.id && given.has(id);
  return {
    states: claims.filter(isOwn).map(({ id, generation, power, volumes, nics }) => ({ id, hostId: member.id, generation, power, volumes, nics: nics.filter((portId) => given.get(id)?.portIds.includes(portId)) })),
    foreign: claims.filter((each) => !isOwn(each)).map(({ id, hostId }) => `${id} on ${hostId}`),
  };
}

function listOf(said: unknown): unknown[] {
  return Array.isArray(said) ? said : [];
}
