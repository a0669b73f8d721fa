/** A region's tie to home: how it knows who calls, and how much of each limit it holds. */
import type { Authenticate } from '../../kit/http/caller.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import { createTokens } from '../identity/tokens.ts';
import type { Invariant, Made, RegionParts } from '../parts.ts';
import { listHeld } from '../quota/leases.ts';
import { createRegionDirectory } from './directory.ts';
import { createKeeper, giveBackUnused, type Keeper } from './keeper.ts';
import type { HomeLink } from './link.ts';

export type HomeTie = Made & { keeper: Keeper };

/** Of home's own region: whose tokens are good is asked of home's directory. */
export function makeFirstHomeLink(parts: RegionParts, { link }: { link: HomeLink }): HomeTie {
  return { ...common(parts, link), keeper: createKeeper({ ...parts, link, directory: null }) };
}

/** Of any other region. */
export function makeHomeLink(parts: RegionParts, { link, sealKey }: { link: HomeLink; sealKey: Buffer }): HomeTie & { authenticate: Authenticate } {
  const directory = createRegionDirectory({ ...parts, sealKey });
  const tokens = createTokens({ ...parts, directory });
  const keeper = createKeeper({ ...parts, link, directory });
  return {
    ...common(parts, link),
    keeper: {
      ...keeper,
      async start() {
        await directory.load();
        await keeper.start();
      },
    },
    authenticate: (token) => tokens.callerOf(token),
  };
}

function common({ database }: RegionParts, link: HomeLink): Made {
  return {
    workflows: [],
    schedules: [schedule<RegionParts>('home-link.give-back', { everyMs: 300_000, run: () => giveBackUnused({ database, link }) })],
    invariants: [heldAtHome(database, link)],
  };
}

const scope = { kind: 'system', reason: 'invariant L1' } as const;

function heldAtHome(database: RegionParts['database'], link: HomeLink): Invariant {
  return {
    id: 'L1',
    title: 'a region holds no more of a limit than home believes',
    async check() {
      // First what is held here: what is granted meanwhile is more at home before it is more here.
      const here = await database.read(scope, listHeld);
      const held = new Map(here.length === 0 ? [] : (await link.held()).map((each) => [`${each.kind} ${each.subject}`, each.amount]));
      return here.flatMap(({ kind, subject, amount, used }) => {
        const believed = held.get(`${kind} ${subject}`) ?? 0n;
        if (believed === -1n || (amount !== -1n && amount <= believed)) return [];
        return [{ message: `${amount} of ${kind} of ${subject} is held (${used} used), and home believes ${believed}`, remedy: 'Report it with the logs of home and region: a limit may be passed' }];
      });
    },
  };
}
