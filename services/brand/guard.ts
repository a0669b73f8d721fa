/**
 * Home's door has home's own services, those of the first region, and those of the region that spans all. Who is not offered
 * one of these regions is refused there, as further regions refuse him by what they hear of home.
 */
import { contracts } from '../../contract/contracts.ts';
import { virtualRegion, virtualServices } from '../../contract/virtual.ts';
import type { Asked, Authenticate, Caller } from '../../kit/http/caller.ts';
import { customerOf, notOffered } from '../home-link/admittance.ts';
import type { HomeParts } from '../parts.ts';
import { limitedDomains } from './brands.ts';
import { isOffered } from './catalogs.ts';

const scope = { kind: 'system', reason: 'which regions are closed to whom' } as const;
/** As long as further regions may not have heard of it. */
const keptMs = 900;

type Limited = Awaited<ReturnType<typeof limitedDomains>>;

export function createGuard({ database, clock, log }: Pick<HomeParts, 'database' | 'clock' | 'log'>, { first }: { first: string }): (authenticate: Authenticate) => Authenticate {
  const regionAt = new Map([...contracts.filter(({ where }) => where === 'region').map(({ root }) => [root, first] as const), ...virtualServices.map(({ root }) => [root, virtualRegion] as const)]);
  let known: { limited: Limited; readAt: number } | undefined;
  let reading: Promise<Limited> | undefined;

  async function read(): Promise<Limited> {
    const readAt = clock.now().getTime();
    try {
      known = { limited: await database.read(scope, limitedDomains), readAt };
    } catch (error) {
      // Nobody gets more because the database is away, nor less: what was known is judged by.
      if (!known) throw error;
      log.warn({ err: error }, 'which regions are closed to whom is judged by what was known');
      known = { ...known, readAt };
    }
    return known.limited;
  }

  function current(): Limited | Promise<Limited> {
    if (known && Math.abs(clock.now().getTime() - known.readAt) < keptMs) return known.limited;
    return (reading ??= read().finally(() => (reading = undefined)));
  }

  async function admitted(caller: Caller, domainId: string, region: string): Promise<Caller> {
    if (!isOffered((await current()).get(domainId) ?? null, region)) throw notOffered();
    return caller;
  }

  function judge(caller: Caller | undefined, asked: Asked | undefined): Caller | undefined | Promise<Caller> {
    const region = regionAt.get(asked?.root ?? '');
    const domainId = caller && region !== undefined ? customerOf(caller) : undefined;
    return caller && region !== undefined && domainId !== undefined ? admitted(caller, domainId, region) : caller;
  }

  return (authenticate) => (token, asked) => {
    const found = authenticate(token, asked);
    return found instanceof Promise ? found.then((caller) => judge(caller, asked)) : judge(found, asked);
  };
}
