/**
 * What goes wrong between two owners, on purpose: `--fault`. From one seed it is the same machine and the same moment. What is
 * not agreed on then is named, and what both accept is worth the same in both.
 */
import { compute } from '../../contract/compute/service.ts';
import { metering } from '../../contract/intercloud/metering.ts';
import { region } from '../../contract/intercloud/region.ts';
import { Failure } from '../failure.ts';
import type { Fleet } from './burst.ts';
import type { DemoCloud } from './clouds.ts';
import type { Link } from './link.ts';
import type { OwnersView } from './partner.ts';
import { until, type Session } from './session.ts';

export const faultNames = ['lost-answer', 'asked-twice', 'lost-machine', 'lie', 'unreachable', 'partition', 'clocks'] as const;
export type FaultName = (typeof faultNames)[number];

type Scene = { theirs: DemoCloud; link: Link; partnersCloud: OwnersView; fleet: Fleet; own: number; partner: number; /** The operator’s. */ admin: Session; /** Of the region at the partner’s. */ base: string };

export type Fault = {
  name: FaultName;
  title: string;
  /** What may be not agreed on because of it. */
  disputes: readonly string[];
  /** The partner's time, as the operator sees it. */
  clockAheadSeconds?: number;
  /** The operator's second region is on a machine of its own, and is cut off for so long while its customer is near his limit. */
  cutOffSeconds?: number;
  /** Before machines are made there. */
  before(link: Link): void;
  /** While machines are there. */
  during(scene: Scene): Promise<void>;
  /** When all is over, and before it is compared. */
  after(theirs: DemoCloud, projectId: string, since: Date): Promise<void>;
};

const nothing = { before: () => undefined, during: () => Promise.resolve(), after: () => Promise.resolve() };
const hourMs = 3_600_000;
const clocksApartSeconds = 600;
/** So long a demonstration takes on a busy machine. */
const playMinutes = 8;

export function faultOf(name: FaultName, seed: number): Fault {
  const roll = dice(seed);
  const which = roll(2);
  switch (name) {
    case 'lost-answer':
      return { ...nothing, name, title: 'an answer of the partner is lost after the machine was made', disputes: [], before: (link) => link.trouble('loses the answer', which), during: async ({ link }) => demandHappened(link) };
    case 'asked-twice':
      return { ...nothing, name, title: 'the partner is asked twice for one machine', disputes: ['missing-resource'], before: (link) => link.trouble('asks twice', which), during: clearUp };
    case 'lost-machine':
      return { ...nothing, name, title: 'the partner loses a machine', disputes: ['duration'], during: (scene) => lose(scene, which) };
    case 'lie':
      return { ...nothing, name, title: 'the partner bills a machine a hundred times over', disputes: ['duration'], after: (theirs, projectId, since) => lie(theirs, projectId, since, which) };
    case 'unreachable':
      return { ...nothing, name, title: `the partner is unreachable for ${30 + 10 * which} s`, disputes: [], during: (scene) => cutOff(scene, 30 + 10 * which) };
    case 'partition':
      return { ...nothing, name, title: `a region is cut off for ${20 + 10 * which} s while its customer’s limit is nearly reached`, disputes: [], cutOffSeconds: 20 + 10 * which };
    case 'clocks': {
      const clockAheadSeconds = which === 0 ? clocksApartSeconds : -clocksApartSeconds;
      return { ...nothing, name, title: `the partner’s clock is ten minutes ${which === 0 ? 'ahead' : 'behind'}`, disputes: [], clockAheadSeconds };
    }
    default:
      return name satisfies never;
  }
}

/** For clocks that differ, a moment is in different hours where one hour ends between them; that is for a longer day than this. */
export function minutesUntilOneHour({ clockAheadSeconds = 0 }: Fault, now: Date): number {
  if (clockAheadSeconds === 0) return 0;
  const minute = now.getUTCMinutes();
  const [first, last] = clockAheadSeconds > 0 ? [0, 60 - clocksApartSeconds / 60 - playMinutes] : [clocksApartSeconds / 60, 60 - playMinutes];
  if (minute < first) return first - minute;
  return minute < last ? 0 : 60 - minute + first;
}

async function demandHappened(link: Link): Promise<void> {
  if (link.happened() !== 1) throw new Failure(`The fault has happened ${link.happened()} times`, 'Choose another --seed');
}

/** Where the partner does not see by the port that both name that they are one, the one too much is shown as nobody’s, and a person decides about it. */
async function clearUp({ link, theirs, partnersCloud, partner, admin, base }: Scene): Promise<void> {
  await demandHappened(link);
  if ((await machinesThere(theirs, partnersCloud)).length === partner) return;
  const nobodys = await until('the second machine to be shown as nobody’s', async () => {
    const { there } = (await admin.client(region, base).differences.show()).body;
    const servers = there.filter(({ kind }) => kind === 'server');
    return servers.length > 0 ? servers : undefined;
  });
  if (nobodys.length !== 1) throw new Error(`${nobodys.length} machines at the partner are nobody’s`);
  await theirs.admin.client(compute).servers.delete({ params: { server_id: nobodys[0]!.remote_id } });
}

async function lose({ theirs, partnersCloud, fleet, own, partner }: Scene, which: number): Promise<void> {
  const machines = await machinesThere(theirs, partnersCloud);
  const lost = machines[which % machines.length]!;
  await theirs.admin.client(compute).servers.delete({ params: { server_id: lost } });
  // The fleet makes another in its place.
  await until('another machine to be there', async () => {
    const now = await machinesThere(theirs, partnersCloud);
    return now.length === partner && !now.includes(lost) ? true : undefined;
  }, { seconds: 300 });
  await fleet.settled({ own, partner });
}

async function machinesThere({ admin }: DemoCloud, partnersCloud: OwnersView): Promise<string[]> {
  const named = await partnersCloud.machines();
  const { servers } = (await admin.client(compute).servers.detail({ query: { all_tenants: '1' } })).body;
  return servers.flatMap(({ id, name }) => (named.includes(`${name} (${id})`) ? [id] : [])).toSorted();
}

async function cutOff({ link, fleet, own, partner }: Scene, seconds: number): Promise<void> {
  link.cut(true);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  link.cut(false);
  await fleet.settled({ own, partner });
}

/** The owner writes into his own meter what was not. */
async function lie({ admin, region: name }: DemoCloud, projectId: string, since: Date, which: number): Promise<void> {
  const { usage } = admin.client(metering);
  const from = new Date(Math.floor(since.getTime() / hourMs) * hourMs).toISOString();
  const { records } = (await usage.records({ query: { project_id: projectId, resource: 'server', from, limit: 10_000 } })).body;
  const lasting = records.filter(({ previous, from: begin, until: end }) => previous === 'ACTIVE' && end > begin);
  const about = lasting[which % lasting.length];
  if (!about) throw new Error('The partner has counted no machine');
  const { next } = (await usage.next({ params: { region: name } })).body;
  const again = { resource_id: about.resource_id, project_id: projectId, shape: 0, previous: about.previous, current: about.previous, from: about.from, until: about.until, event: null };
  await usage.put({ params: { region: name }, body: { first: next, through: null, shapes: [{ resource: 'server', flavor: about.flavor, measures: about.measures }], records: Array.from({ length: 99 }, () => again) } });
}

/** Of a linear congruence, as in Numerical Recipes: the same numbers from the same seed. */
function dice(seed: number): (sides: number) => number {
  let state = seed >>> 0;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}
