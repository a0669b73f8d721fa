/** The door of leases. */
import type { Static } from 'typebox';
import { leases as contract } from '../../contract/intercloud/federation/leases.ts';
import { implement } from '../../kit/http/implement.ts';
import { giveBackLease, leasesOf, setLimit, type Held } from './leases.ts';
import { askLeases, type LendingParts } from './lending.ts';
import { getOwnRegion } from './regions.ts';

export function leasesDoor(parts: LendingParts) {
  return implement(contract, {
    async list(request) {
      const { name } = await getOwnRegion(request, request.params.region);
      return { leases: (await leasesOf(request.tx, name)).map(view) };
    },
    async ask(request) {
      const { name } = await request.read((tx) => getOwnRegion({ ...request, tx }, request.params.region));
      const wanted = request.body.leases.map(({ kind, subject, least, wish }) => ({ kind, subject, least: BigInt(least), wish: BigInt(wish) }));
      return { leases: (await askLeases(parts, name, wanted)).map(view) };
    },
    async giveBack(request) {
      const { name } = await getOwnRegion(request, request.params.region);
      const held: Held[] = [];
      for (const { kind, subject, amount, version } of request.body.leases) held.push(await giveBackLease(request.tx, name, { kind, subject, amount: BigInt(amount), version }));
      return { leases: held.map(view) };
    },
    async setLimits(request) {
      await getOwnRegion(request, request.params.region);
      for (const { kind, subject, amount } of request.body.limits) await setLimit(request.tx, { kind, subject, amount: amount === null ? null : BigInt(amount) });
    },
  });
}

type LeaseView = Static<(typeof contract)['list']['response']>['leases'][number];

function view({ kind, subject, amount, limit, version }: Held): LeaseView {
  return { kind, subject, amount: String(amount), limit: limit === null ? null : String(limit), version };
}
