/** The customer's fleet: it fills what is at home, goes to the partner within its budget, and comes home. */
import { compute } from '../../contract/compute/service.ts';
import { broker } from '../../contract/intercloud/broker.ts';
import { until, type Session } from './session.ts';

/** Of a host of 64 processors of which each is given out four times, four fit. */
export const machine = { flavor: 'demo.large', vcpus: 64, ram: 1024, disk: 1 };

/** What the partner calls his machines of this size. */
export const machineThere = 'rented.large';

/** The same name and size in every region, the partner's too. */
export async function makeFlavor(admin: Session, regions: Iterable<string>): Promise<void> {
  const { flavor: name, ...size } = machine;
  for (const base of regions) await admin.client(compute, base).flavors.create({ body: { flavor: { id: name, name, ...size } } });
}

/** Who rents makes no sizes: the owner offers those that were agreed on. */
export async function offerMachine(owner: Session): Promise<void> {
  const { vcpus, ram, disk } = machine;
  await owner.client(compute).flavors.create({ body: { flavor: { name: machineThere, vcpus, ram, disk } } });
}

export type FleetState = { own: number; partner: number; leaving: number; obstacle: string | null; spent: string; currency: string | null };

export type Fleet = {
  id: string;
  state(): Promise<FleetState>;
  /** Resolves when so many run at home and so many at partners, and none is on its way. */
  settled(where: { own: number; partner: number }): Promise<FleetState>;
  resize(size: number): Promise<void>;
  delete(): Promise<void>;
};

type Wish = { name: string; size: number; image: string; network: string; hourlyAtMost: string };

export async function startFleet(customer: Session, { name, size, image, network, hourlyAtMost }: Wish): Promise<Fleet> {
  const { fleets } = customer.client(broker);
  const burst = { hourly_at_most: hourlyAtMost, home_after_seconds: 2 };
  const { id } = (await fleets.create({ body: { fleet: { name, size, machine: { flavor: machine.flavor, image, networks: [network] }, burst } } })).body.fleet;
  const params = { fleet_id: id };
  const state = async (): Promise<FleetState> => {
    const { machines, obstacle, burst_spent: spent } = (await fleets.show({ params })).body.fleet;
    const running = (kind: 'own' | 'partner') => machines.filter((each) => each.kind === kind && each.state === 'running').length;
    return { own: running('own'), partner: running('partner'), leaving: machines.filter((each) => each.state !== 'running').length, obstacle, spent: spent.amount, currency: spent.currency };
  };
  return {
    id,
    state,
    async settled({ own, partner }) {
      let last: FleetState | undefined;
      return until(`${own} machines at home and ${partner} at the partner`, async () => {
        last = await state();
        return last.own === own && last.partner === partner && last.leaving === 0 ? last : undefined;
      }, { seconds: 240 }).catch((cause: unknown) => {
        throw new Error(`The fleet did not come to ${own} machines at home and ${partner} at the partner: ${JSON.stringify(last)}`, { cause });
      });
    },
    resize: async (to) => void (await fleets.update({ params, body: { fleet: { size: to } } })),
    async delete() {
      await fleets.delete({ params });
      await until('the fleet to be gone', async () => ((await fleets.list()).body.fleets.length === 0 ? true : undefined), { seconds: 240 });
    },
  };
}

export type Why = { region: string; hourly: string; currency: string; rejected: string[] };

/**
 * Why machines went to this region: what that decision says which says most. What a region says it has left may be a moment old, so that
 * one of them may have seen room at home after its machine was sent away for want of it.
 */
export async function whyAt(customer: Session, region: string): Promise<Why> {
  const { decisions } = (await customer.client(broker).decisions.list({ query: { limit: 100 } })).body;
  const reasonsOf = ({ candidates }: (typeof decisions)[number]) => candidates.reduce((sum, { reasons }) => sum + reasons.length, 0);
  const [decision] = decisions.filter((each) => each.region === region && each.succeeded !== false).toSorted((one, other) => reasonsOf(other) - reasonsOf(one));
  if (!decision) throw new Error(`No decision for ${region} is kept`);
  const rejected = decision.candidates.filter(({ verdict }) => verdict === 'rejected').map((each) => `${each.region}: ${each.reasons.join(', ')}`);
  return { region, hourly: decision.hourly ?? '', currency: decision.currency ?? '', rejected };
}

/** All machines that were ever placed for the customer. */
export async function placedServers(customer: Session): Promise<Set<string>> {
  const { decisions } = (await customer.client(broker).decisions.list({ query: { limit: 1000 } })).body;
  return new Set(decisions.flatMap(({ server_id: id, state }) => (id === null || state !== 'placed' ? [] : [id])));
}
