/** What a region asks of home, by wire or in the same process: never home's database. */
import type { Static } from 'typebox';
import { createClient, type Client } from '../../contract/client.ts';
import type { Service } from '../../contract/contract.ts';
import type { Catalog } from '../../contract/identity/catalog-entry.ts';
import { identity } from '../../contract/identity/service.ts';
import { federation } from '../../contract/intercloud/federation.ts';
import type { News } from '../../contract/intercloud/federation/feed.ts';
import type { Membership } from '../../contract/intercloud/federation/invitations.ts';
import type { Clock } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import type { GivenBack, Held, NewLimit, Wanted } from '../quota/leases.ts';

export type LeaseLink = {
  /** What is held after that, which may be less than was asked for. */
  ask(wanted: readonly Wanted[]): Promise<Held[]>;
  giveBack(given: readonly GivenBack[]): Promise<Held[]>;
  setLimits(limits: readonly NewLimit[]): Promise<void>;
  held(): Promise<Held[]>;
};

export type NewsLink = {
  /** Waits until there is something new since the cursor; without a cursor, tells everything. */
  news(after: string | undefined, options: { waitMs: number; signal: AbortSignal }): Promise<Static<typeof News>>;
};

/** The way home. Everything rejects while home cannot be reached. */
export type HomeLink = LeaseLink & NewsLink;

export type RemoteHomeOptions = {
  /** `http://host:port` */
  url: string;
  membership: Membership;
  clock: Clock;
  fetch?: typeof fetch;
};

export type RemoteHome = HomeLink & {
  /** Any contract of home, with this region's own token. */
  client<const S extends Service>(service: S): Client<S>;
  /** Where the services are, as whoever has this token is told. */
  catalog(token: string): Promise<Static<typeof Catalog>>;
};

// Home lends within two seconds, when it has to ask others first.
const answerWithinMs = 5_000;
const beforeTheEndMs = 60_000;

export function connectHome({ url, membership, clock, fetch: send = fetch }: RemoteHomeOptions): RemoteHome {
  const { region, credential } = membership;
  let known: { token: string; until: number } | undefined;
  let asking: Promise<string> | undefined;

  const limited = (withinMs: number, signal?: AbortSignal): typeof fetch => {
    // Behind a redirect is anybody, and the token goes along (ATTACKS 38).
    return (address, init) => send(address, { ...init, redirect: 'error', signal: AbortSignal.any([AbortSignal.timeout(withinMs), ...(signal ? [signal] : [])]) });
  };

  async function login(): Promise<string> {
    const reply = await createClient(identity, { base: url, fetch: limited(answerWithinMs) }).tokens.create({
      body: { auth: { identity: { methods: ['application_credential'], application_credential: credential } } },
      query: { nocatalog: '' },
    });
    const token = reply.headers.get('x-subject-token') ?? '';
    known = { token, until: Date.parse(reply.body.token.expires_at) - beforeTheEndMs };
    return token;
  }

  function token(): Promise<string> {
    if (known && clock.now().getTime() < known.until) return Promise.resolve(known.token);
    asking ??= login().finally(() => (asking = undefined));
    return asking;
  }

  /** A token that home does not take any more is replaced, once. */
  const renewing = (withinMs: number, signal?: AbortSignal): typeof fetch => {
    const once = limited(withinMs, signal);
    return async (address, init) => {
      const reply = await once(address, init);
      if (reply.status !== 401) return reply;
      known = undefined;
      return once(address, { ...init, headers: { ...(init?.headers as Record<string, string>), 'x-auth-token': await token() } });
    };
  };
  const client = <const S extends Service>(service: S, withinMs = answerWithinMs, signal?: AbortSignal): Client<S> => createClient(service, { base: url, token, fetch: renewing(withinMs, signal) });
  const { leases } = client(federation);
  const params = { region };

  return {
    client,
    async catalog(whose) {
      try {
        return (await createClient(identity, { base: url, token: () => whose, fetch: limited(answerWithinMs) }).scopes.catalog()).body.catalog;
      } catch (cause) {
        throw new Fault(503, 'serviceUnavailable', 'Home, which knows where the other regions are, was not reached. Ask again.', { cause });
      }
    },
    async ask(wanted) {
      return fromWire(await leases.ask({ params, body: { leases: wanted.map(({ kind, subject, least, wish }) => ({ kind, subject, least: String(least), wish: String(wish) })) } }));
    },
    async giveBack(given) {
      return fromWire(await leases.giveBack({ params, body: { leases: given.map(({ kind, subject, amount, version }) => ({ kind, subject, amount: String(amount), version })) } }));
    },
    async setLimits(limits) {
      await leases.setLimits({ params, body: { limits: limits.map(({ kind, subject, amount }) => ({ kind, subject, amount: amount === null ? null : String(amount) })) } });
    },
    async held() {
      return fromWire(await leases.list({ params }));
    },
    async news(after, { waitMs, signal }) {
      const { feed } = client(federation, waitMs + answerWithinMs, signal);
      const reply = await feed.news({ params, query: { ...(after === undefined ? {} : { after }), wait: String(Math.floor(waitMs / 1000)) } });
      return reply.body;
    },
  };
}

type HeldReply = { body: { leases: { kind: string; subject: string; amount: string; limit: string | null; version: number }[] } };

function fromWire({ body }: HeldReply): Held[] {
  return body.leases.map(({ amount, limit, ...rest }) => ({ ...rest, amount: BigInt(amount), limit: limit === null ? null : BigInt(limit) }));
}
