/** A region's tie to home: how it knows who calls, and how much of each limit it holds. */
import type { Asked, Authenticate, Caller } from '../../kit/http/caller.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import { isAllowed } from '../identity/access-rules.ts';
import type { Signers } from '../identity/signers.ts';
import { createTokens } from '../identity/tokens.ts';
import type { Invariant, Made, RegionParts } from '../parts.ts';
import { listHeld } from '../quota/leases.ts';
import { customerOf, notOffered } from './admittance.ts';
import { createRegionDirectory, type RegionDirectory } from './directory.ts';
import { createKeeper, giveBackUnused, type Keeper } from './keeper.ts';
import type { HomeLink, RemoteHome } from './link.ts';
import { createRegionSigners } from './signers.ts';

export type HomeTie = Made & { keeper: Keeper };

/** Of home's own region: whose tokens are good is asked of home's directory. */
export function makeFirstHomeLink(parts: RegionParts, { link }: { link: HomeLink }): HomeTie {
  return { ...common(parts, link), keeper: createKeeper({ ...parts, link, directory: null }) };
}

/** Of any other region. */
export function makeHomeLink(parts: RegionParts, { link, sealKey }: { link: RemoteHome; sealKey: Buffer }): HomeTie & { authenticate: Authenticate; signers: Signers } & Pick<RegionDirectory, 'faceAt'> {
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
    faceAt: directory.faceAt,
    signers: createRegionSigners({ ...parts, link, sealKey, tokens }),
    authenticate(token, asked) {
      const found = tokens.find(token);
      if (!found) return undefined;
      const { caller, claims } = found;
      if (claims.applicationCredential?.limited !== true) return admitted(directory, caller);
      return limited(directory, caller, { credentialId: claims.applicationCredential.id, asked });
    },
  };
}

/** Whose token is good for some requests only is nobody for the others. */
async function limited(directory: RegionDirectory, caller: Caller, { credentialId, asked }: { credentialId: string; asked: Asked | undefined }): Promise<Caller | undefined> {
  const rules = await directory.rulesOf(credentialId);
  return rules && asked && isAllowed(rules, asked) ? admitted(directory, caller) : undefined;
}

function admitted(directory: RegionDirectory, caller: Caller): Caller {
  const domainId = customerOf(caller);
  if (domainId !== undefined && directory.isClosedTo(domainId)) throw notOffered();
  return caller;
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
