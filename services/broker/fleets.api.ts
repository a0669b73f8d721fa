import { fleets as contract } from '../../contract/intercloud/broker/fleets.ts';
import { implement } from '../../kit/http/implement.ts';
import { moneyOf, nanosOf } from '../billing/money.ts';
import { burstSpent, changeFleet, createFleet, getFleet, listFleets, removeFleet, type Burst, type Fleet } from './fleets.ts';

export const fleets = implement(contract, {
  async list(request) {
    return { fleets: (await listFleets(request)).map((fleet) => shown(fleet, request.now)) };
  },
  async create(request) {
    const { name, size, machine, burst } = request.body.fleet;
    const fleet = await createFleet(request, { name, size, machine, burst: burst ? read(burst) : null });
    return { fleet: shown(fleet, request.now) };
  },
  async show(request) {
    return { fleet: shown(await getFleet(request, request.params.fleet_id), request.now) };
  },
  async update(request) {
    const { name, size, burst } = request.body.fleet;
    const fleet = await changeFleet(request, request.params.fleet_id, { name, size, burst: burst ? read(burst) : burst });
    return { fleet: shown(fleet, request.now) };
  },
  async delete(request) {
    await removeFleet(request, request.params.fleet_id);
  },
});

type GivenBurst = { hourly_at_most?: string; stop_loss?: string; longest_seconds?: number; keep_free_vcpus?: number; home_after_seconds?: number };

function read({ hourly_at_most, stop_loss, longest_seconds, keep_free_vcpus, home_after_seconds }: GivenBurst): Burst {
  return {
    ...(hourly_at_most === undefined ? {} : { hourlyAtMost: String(nanosOf(hourly_at_most)) }),
    ...(stop_loss === undefined ? {} : { stopLoss: String(nanosOf(stop_loss)) }),
    ...(longest_seconds === undefined ? {} : { longestSeconds: longest_seconds }),
    ...(keep_free_vcpus === undefined ? {} : { keepFreeVcpus: keep_free_vcpus }),
    ...(home_after_seconds === undefined ? {} : { homeAfterSeconds: home_after_seconds }),
  };
}

function shownBurst({ hourlyAtMost, stopLoss, longestSeconds, keepFreeVcpus, homeAfterSeconds }: Burst): GivenBurst {
  return {
    ...(hourlyAtMost === undefined ? {} : { hourly_at_most: moneyOf(BigInt(hourlyAtMost)) }),
    ...(stopLoss === undefined ? {} : { stop_loss: moneyOf(BigInt(stopLoss)) }),
    ...(longestSeconds === undefined ? {} : { longest_seconds: longestSeconds }),
    ...(keepFreeVcpus === undefined ? {} : { keep_free_vcpus: keepFreeVcpus }),
    ...(homeAfterSeconds === undefined ? {} : { home_after_seconds: homeAfterSeconds }),
  };
}

function shown(fleet: Fleet, now: Date) {
  const { id, name, size, status, machine, burst, currency, obstacle, machines, createdAt, updatedAt } = fleet;
  return {
    id,
    name,
    size,
    status,
    machine,
    burst: burst && shownBurst(burst),
    running: machines.filter(({ state }) => state === 'running').length,
    at_partners: machines.filter(({ kind, serverId }) => kind === 'partner' && serverId !== null).length,
    burst_spent: { amount: moneyOf(burstSpent(fleet, now)), currency },
    obstacle,
    machines: machines.map(({ serverId, region, kind, state, hourly, since }) => ({ server_id: serverId, region, kind, state, hourly: hourly === null ? null : moneyOf(BigInt(hourly)), since: new Date(since).toISOString() })),
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}
