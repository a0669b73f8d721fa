/** Why machines are where they are, and where they would be. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Currency, Id, Moment, Money, Name } from '../native.ts';
import { Policy } from './policies.ts';

const Verdict = Type.Object({
  region: Name,
  availability_zone: Name,
  verdict: Type.Union([Type.Literal('chosen'), Type.Literal('possible'), Type.Literal('rejected')]),
  reasons: Type.Array(Type.String(), { description: 'Why not; empty for a place that would do' }),
  score: Type.Union([Type.Number(), Type.Null()], { description: 'Between 0 and 1' }),
  hourly: Money,
});

const Wish = Type.Object(
  {
    vcpus: Type.Integer({ minimum: 0, maximum: 4096 }),
    memory_mib: Type.Integer({ minimum: 0, maximum: 1024 * 1024 * 1024 }),
    disk_gib: Type.Integer({ minimum: 0, maximum: 1024 * 1024 }),
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    needs: Type.Optional(Type.Array(Name, { maxItems: 100, description: 'Capabilities without which it will not do; without: what every machine needs' })),
    flavor: Type.Optional(Type.String({ maxLength: 255, description: 'By its id, where flavors have prices of their own' })),
  },
  { additionalProperties: false },
);

const Answered = Type.Object({ region: Type.Union([Name, Type.Null()]), hourly: Type.Union([Money, Type.Null()]), currency: Type.Union([Currency, Type.Null()]), candidates: Type.Array(Verdict) });

const Decision = Type.Object({
  id: Id,
  server_id: Type.Union([Id, Type.Null()]),
  state: Type.Union([Type.Literal('intended'), Type.Literal('unknown'), Type.Literal('placed'), Type.Literal('refused'), Type.Literal('undone')]),
  succeeded: Type.Union([Type.Boolean(), Type.Null()], { description: 'Null while the machine is on its way' }),
  why: Type.Union([Type.String(), Type.Null()]),
  region: Type.Union([Name, Type.Null()]),
  hourly: Type.Union([Money, Type.Null()], { description: 'As it was when it was decided' }),
  currency: Type.Union([Currency, Type.Null()]),
  price_book: Type.Union([Type.String(), Type.Null()], { description: 'The hash of the price book' }),
  wish: Type.Object({ vcpus: Type.Integer(), memory_mib: Type.Integer(), disk_gib: Type.Integer(), count: Type.Integer(), needs: Type.Array(Name), fixed: Type.Union([Type.Object({ region: Name, because: Type.String() }), Type.Null()]) }),
  policy: Policy,
  candidates: Type.Array(Verdict),
  decided_at: Moment,
  settled_at: Type.Union([Moment, Type.Null()]),
});

export const decisions = operations({
  list: {
    method: 'GET',
    path: '/decisions',
    summary: 'List the decisions of the project, the newest first',
    access: { rule: 'broker:list_decisions', who: 'reader' },
    stability: 'experimental',
    query: Type.Object({ server_id: Type.Optional(Id), marker: Type.Optional(Id), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })) }, { additionalProperties: false }),
    status: 200,
    response: Type.Object({ decisions: Type.Array(Decision) }),
    list: { resource: 'decision', show: 'show', parameter: 'decision_id' },
  },
  show: { method: 'GET', path: '/decisions/{decision_id}', summary: 'Show why', access: { rule: 'broker:get_decision', who: 'reader' }, stability: 'experimental', status: 200, response: Type.Object({ decision: Decision }) },
  whatIf: {
    method: 'POST',
    path: '/what-if',
    summary: 'Say where a machine would go now, and what it would cost there and elsewhere',
    access: { rule: 'broker:what_if', who: 'reader' },
    stability: 'experimental',
    effects: 'none',
    body: Type.Object({ wish: Wish, policy: Type.Optional(Policy) }, { additionalProperties: false }),
    status: 200,
    response: Answered,
  },
});

export const candidates = operations({
  list: {
    method: 'GET',
    path: '/candidates',
    summary: 'List the places that the project may use, with their prices',
    access: { rule: 'broker:list_candidates', who: 'reader' },
    stability: 'experimental',
    status: 200,
    response: Type.Object({
      candidates: Type.Array(
        Type.Object({
          region: Name,
          availability_zone: Name,
          kind: Type.Union([Type.Literal('own'), Type.Literal('partner')]),
          labels: Type.Record(Type.String(), Type.String()),
          capabilities: Type.Array(Name),
          currency: Currency,
          hourly: Type.Record(Type.String(), Money, { description: 'What one of each costs in an hour' }),
        }),
      ),
    }),
    list: { after: { policy: null, label: null, profile: null }, byItself: true },
  },
});
