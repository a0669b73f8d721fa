/** What a region must know of home at once: the keys of tokens, what was revoked, the limits of projects, and what it is to give back. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Moment } from '../native.ts';
import { Amount, Kind, Subject } from './leases.ts';

const strict = { additionalProperties: false };

/** What an account means to spend in a month: how much of it a region may is lent, as `budget:<currency>` of `<id>.<month>`. */
export const BudgetTerms = Type.Object(
  {
    id: Type.String(),
    currency: Type.String(),
    /** Servers end before what they cost passes it; without, nothing is made whose price to the end of the month is not there. */
    stop_loss: Type.Boolean(),
    /** Whose use it pays, and those of the domains, which may have new ones. */
    projects: Type.Array(Type.String()),
    domains: Type.Array(Type.String()),
    /** Of each measure the first that fits; nano-units for so many units an hour, the highest that is ever charged. */
    prices: Type.Array(
      Type.Object({ resource: Type.String(), measure: Type.String(), flavor: Type.Optional(Type.String()), states: Type.Optional(Type.Array(Type.String())), not_states: Type.Optional(Type.Array(Type.String())), per: Type.Integer(), nano: Type.String() }, strict),
    ),
  },
  strict,
);

/** What a region must know to judge for itself who may use it, and under whose name it answers. */
export const Standing = Type.Object(
  {
    /** Domains that this region is not offered to. */
    closed_to: Type.Array(Type.String()),
    /** Whom to ask for help, by the host name that was asked. */
    faces: Type.Array(Type.Object({ host: Type.String(), name: Type.String(), support: Type.String() }, strict)),
    /** What programs with such a credential may ask for. */
    access_rules: Type.Array(Type.Object({ credential: Type.String(), rules: Type.Array(Type.Object({ service: Type.String(), method: Type.String(), path: Type.String() }, strict)) }, strict)),
    budgets: Type.Array(BudgetTerms),
  },
  strict,
);

export const News = Type.Object(
  {
    /** Where the next question goes on. */
    cursor: Type.String(),
    /** More is known already: ask again without waiting. */
    more: Type.Boolean(),
    /** Absent: as before. `TokenKey`s, sealed with the region's key. */
    keys: Type.Optional(Type.String()),
    roles: Type.Optional(Type.Array(Type.Object({ number: Type.Integer(), name: Type.String() }, strict))),
    /** Absent: as before, like the keys. */
    standing: Type.Optional(Standing),
    revocations: Type.Array(Type.Object({ id: Type.Integer(), subject: Type.String(), at: Moment }, strict)),
    /** Limits that were set; null: the default again. */
    limits: Type.Array(Type.Object({ kind: Kind, subject: Subject, amount: Type.Union([Amount, Type.Null()]) }, strict)),
    /** Limits registered with identity that are others than before; null as subject: everybody's, as amount: none. */
    bounds: Type.Array(
      Type.Object({ kind: Kind, subject: Type.Union([Subject, Type.Null()]), here: Type.Boolean({ description: 'Of this region alone' }), amount: Type.Union([Amount, Type.Null()]) }, strict),
    ),
    /** What somebody else waits for: what is not used of it is to be given back now. */
    recalls: Type.Array(Type.Object({ kind: Kind, subject: Subject }, strict)),
  },
  strict,
);

/** What is inside `keys`. */
export type TokenKey = { id: number; secret: string };

export const feed = operations({
  news: {
    method: 'GET',
    path: '/regions/{region}/news',
    summary: 'What is new for a region; waits until there is something, when asked to',
    access: { rule: 'federation:get_news', who: 'service' },
    stability: 'stable',
    query: Type.Object({ after: Type.Optional(Type.String({ pattern: '^[0-9]{1,15}(\\.[0-9]{1,15}){3,4}$' })), wait: Type.Optional(Type.String({ pattern: '^([0-9]|1[0-9]|2[0-9]|30)$', description: 'Seconds' })) }, strict),
    status: 200,
    response: News,
    effects: 'own',
  },
});
