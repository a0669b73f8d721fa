import { candidates as candidatesContract, decisions as contract } from '../../contract/intercloud/broker/decisions.ts';
import { implement } from '../../kit/http/implement.ts';
import { candidatesFor, type Machines, type Offers } from './candidates.ts';
import { getDecision, kept, listDecisions, weigh, type Decision } from './decisions.ts';
import { moneyOf } from '../billing/money.ts';
import { fromKept } from './policies.ts';
import { readPolicy, seenBy, shownPolicy } from './policies.api.ts';
import { needsOfMachines } from './placing.ts';
import type { KeptVerdict } from './decisions.store.ts';

const usualLimit = 100;

/** What is shown the price of, so that places can be compared. */
const units: readonly (readonly [string, Machines])[] = [
  ['1 vCPU', { flavor: '', vcpus: 1, memoryMiB: 0, diskGiB: 0, count: 1 }],
  ['1 GiB of memory', { flavor: '', vcpus: 0, memoryMiB: 1024, diskGiB: 0, count: 1 }],
  ['1 GiB of disk', { flavor: '', vcpus: 0, memoryMiB: 0, diskGiB: 1, count: 1 }],
];

export function decisionsApi(offers: Offers) {
  return implement(contract, {
    async list(request) {
      const { server_id: serverId, marker, limit = usualLimit } = request.query;
      const found = await listDecisions(request, { serverId, marker, limit });
      const seen = await seenBy(request.tx, request.caller);
      return { decisions: found.map((decision) => shown(decision, seen)) };
    },
    async show(request) {
      return { decision: shown(await getDecision(request, request.params.decision_id), await seenBy(request.tx, request.caller)) };
    },
    async whatIf({ tx, caller, now, body }) {
      const { vcpus, memory_mib: memoryMiB, disk_gib: diskGiB, count = 1, needs = needsOfMachines, flavor = '' } = body.wish;
      const wish = { vcpus, memoryMiB, diskGiB, count, needs, flavor, image: null, fixed: null };
      const { ruling, candidates } = await weigh(tx, offers, { projectId: caller.projectId ?? '', now, wish, ...(body.policy ? { policy: readPolicy(body.policy) } : {}) });
      const { chosen } = ruling;
      const currency = candidates.find(({ region }) => region === chosen?.region)?.currency ?? null;
      return { region: chosen?.region ?? null, hourly: chosen ? moneyOf(chosen.hourly) : null, currency, candidates: ruling.verdicts.map((verdict) => shownVerdict(kept(verdict))) };
    },
  });
}

export function candidatesApi(offers: Offers) {
  return implement(candidatesContract, {
    async list({ tx, caller, now }) {
      const priced = await Promise.all(units.map(([, machines]) => candidatesFor(tx, offers, { projectId: caller.projectId ?? '', now, machines })));
      const found = priced[0]!;
      return {
        candidates: found.map(({ region, availabilityZone, kind, labels, capabilities, currency }, index) => ({
          region,
          availability_zone: availabilityZone,
          kind,
          labels,
          capabilities: [...capabilities],
          currency,
          hourly: Object.fromEntries(units.map(([name], unit) => [name, moneyOf(priced[unit]![index]!.hourly)])),
        })),
      };
    },
  });
}

/** What was weighed when more was offered is not told any more. */
function shown({ id, serverId, state, succeeded, why, region, hourly, currency, bookHash, wish, policy, verdicts, decidedAt, settledAt }: Decision, seen: ReadonlySet<string> | undefined) {
  const { vcpus, memoryMiB, diskGiB, count, needs, fixed } = wish;
  return {
    id,
    server_id: serverId,
    state,
    succeeded,
    why,
    region,
    hourly: hourly === null ? null : moneyOf(BigInt(hourly)),
    currency,
    price_book: bookHash,
    wish: { vcpus, memory_mib: memoryMiB, disk_gib: diskGiB, count, needs: [...needs], fixed },
    policy: shownPolicy(fromKept(policy), seen),
    candidates: verdicts.filter((verdict) => seen === undefined || seen.has(verdict.region)).map(shownVerdict),
    decided_at: decidedAt.toISOString(),
    settled_at: settledAt?.toISOString() ?? null,
  };
}

function shownVerdict({ region, availabilityZone, verdict, reasons, score, hourly }: KeptVerdict) {
  return { region, availability_zone: availabilityZone, verdict, reasons, score, hourly: moneyOf(BigInt(hourly)) };
}
