/**
 * Who signs requests to a region that has its home elsewhere. Home is asked once for each access key and day; what it
 * answered is good as long as the token that came with it, so that a region that is cut off goes on serving whoever has
 * signed here before, and nobody any more as soon as it hears that the key was taken back.
 */
import { federation } from '../../contract/intercloud/federation.ts';
import { unseal } from '../../contract/intercloud/federation/invitations.ts';
import type { SealedSigner } from '../../contract/intercloud/federation/signers.ts';
import type { Clock } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import type { Log } from '../../kit/log.ts';
import type { Database } from '../../kit/postgres/database.ts';
import type { Signer, Signers } from '../identity/signers.ts';
import type { Tokens } from '../identity/tokens.ts';
import type { RemoteHome } from './link.ts';
import { findSigner, keepSigner, type SignerName } from './signers.store.ts';

export type RegionSignersParts = { database: Database; clock: Clock; log: Log; link: Pick<RemoteHome, 'client'>; region: string; sealKey: Buffer; tokens: Pick<Tokens, 'verify'> };

const mostRemembered = 10_000;
// While home cannot be reached, only one in so many milliseconds tries; the others are refused at once.
const holdOffMs = 1_000;

const scope = { kind: 'system', reason: 'who signed a request' } as const;

export function createRegionSigners({ database, clock, log, link, region, sealKey, tokens }: RegionSignersParts): Signers {
  const remembered = new Map<string, Signer>();
  const asking = new Map<string, Promise<Signer | undefined>>();
  let awayUntil = 0;

  function remember(key: string, signer: Signer): Signer {
    // The oldest entry is the first one.
    if (remembered.size >= mostRemembered) for (const oldest of remembered.keys()) { remembered.delete(oldest); break; }
    remembered.set(key, signer);
    return signer;
  }

  async function look(name: SignerName): Promise<Signer | undefined> {
    const kept = await database.read(scope, (tx) => findSigner(tx, name));
    const signer = kept === undefined ? undefined : opened(kept);
    if (signer && tokens.verify(signer.token)) return signer;
    const sealed = await askHome(name);
    if (sealed === null) return undefined;
    const fresh = opened(sealed);
    const claims = tokens.verify(fresh.token);
    // It ended on its way, or this region has not heard of the key of tokens yet.
    if (!claims) throw notHeard();
    await database.transaction(scope, (tx) => keepSigner(tx, name, { sealed, until: claims.expiresAt, now: clock.now() }));
    return fresh;
  }

  async function askHome({ access, day, region: signedRegion }: SignerName): Promise<string | null> {
    if (clock.now().getTime() < awayUntil) throw notHeard();
    try {
      return (await link.client(federation).signers.find({ params: { region }, body: { access, day, signed_region: signedRegion } })).body.sealed;
    } catch (cause) {
      log.warn({ err: cause }, 'home cannot be asked who signed a request: only those are served who have signed here before');
      awayUntil = clock.now().getTime() + holdOffMs;
      throw notHeard({ cause });
    }
  }

  function opened(sealed: string): Signer {
    const { key, token } = unseal(sealKey, sealed) as SealedSigner;
    return { key: Buffer.from(key, 'base64url'), token };
  }

  return {
    async find(access, { day, region: signedRegion }) {
      // What home would not understand is nobody's.
      if (!/^[\x21-\x7e]{1,255}$/.test(access) || !/^[\x21-\x7e]{1,64}$/.test(signedRegion) || !/^\d{8}$/.test(day)) return undefined;
      const key = [access, day, signedRegion].join(' ');
      const known = remembered.get(key);
      if (known && tokens.verify(known.token)) return known;
      remembered.delete(key);
      const already = asking.get(key);
      if (already) return already;
      const asked = look({ access, day, region: signedRegion }).finally(() => asking.delete(key));
      asking.set(key, asked);
      const found = await asked;
      return found && remember(key, found);
    },
  };
}

function notHeard(more: { cause?: unknown } = {}): Fault {
  return new Fault(503, 'ServiceUnavailable', 'Who signed this cannot be found out now. Please try again.', more);
}
