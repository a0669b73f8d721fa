/** With which clouds what is used is counted on both sides; what each says; and what they do not agree on. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Id, Moment, Name } from '../native.ts';
import { SignedAccepted, SignedHour, SignedStatement } from './statements.ts';
import { MeasuredResource } from './usage.ts';

const exactly = <P extends Parameters<typeof Type.Object>[0]>(properties: P) => Type.Object(properties, { additionalProperties: false });
const access = (verb: string, who: 'admin' | 'user' | 'service' = 'admin') => ({ rule: `intercloud:metering:${verb}`, who }) as const;

const Key = exactly({ id: Type.String({ pattern: '^[0-9a-f]{16,64}$' }), public_key: Type.String({ pattern: '^[A-Za-z0-9+/=]{1,128}$', description: 'SPKI in DER, base64' }) });

const terms = {
  role: Type.Enum(['consumer', 'provider'], { description: 'What we are in it' }),
  peer: Name,
  region: Type.String({ minLength: 1, maxLength: 255, description: 'Of ours: in which we use what the peer provides, or in which the peer uses ours' }),
  domain_id: Type.Union([Id, Type.Null()], { description: 'As provider: the domain in which the peer uses our cloud' }),
  keys: Type.Array(Key, { maxItems: 16, description: 'By which the peer signs' }),
  tolerance_seconds: Type.Integer({ minimum: 0, maximum: 3_600, description: "By how much the two sides' moments of a change may differ" }),
  late_hours: Type.Integer({ minimum: 1, maximum: 8_760, description: 'How long after an hour its statement is still in time' }),
  book_hash: Type.String({ maxLength: 64, description: 'The book by which is billed; empty: it is not compared' }),
};

export const Agreement = exactly({ id: Type.String(), ...terms, created_at: Moment });

export const Dispute = exactly({
  id: Type.String(),
  agreement_id: Type.String(),
  hour: Moment,
  kind: Type.Enum(['missing-resource', 'duration', 'quantity', 'price', 'unknown-project', 'late', 'contradiction'], { description: '`contradiction`: the peer has signed two things of which one is not so' }),
  project_id: Type.Union([Type.String(), Type.Null()], { description: 'Ours; null when it is none' }),
  resource: Type.Union([MeasuredResource, Type.Null()]),
  resource_id: Type.Union([Type.String(), Type.Null()]),
  peer_resource_id: Type.Union([Type.String(), Type.Null()]),
  measure: Type.Union([Type.String(), Type.Null()]),
  own_unit_ms: Type.String(),
  peer_unit_ms: Type.String(),
  own_events: Type.Array(Type.String(), { description: 'Of ours, by number' }),
  peer_events: Type.Array(Type.String()),
  accused: Type.Union([Type.String(), Type.Null()], { description: 'Who has signed what is not so' }),
  message: Type.String(),
  status: Type.Enum(['open', 'resolved']),
  in_favour: Type.Union([Type.Enum(['own', 'peer']), Type.Null()]),
  created_at: Moment,
});

export const agreements = operations({
  list: { method: 'GET', path: '/agreements', summary: 'The agreements', access: access('list_agreements'), stability: 'stable', status: 200, response: exactly({ agreements: Type.Array(Agreement) }), list: { resource: 'agreement', show: 'show', parameter: 'agreement_id', ofNoProject: true } },
  create: { method: 'POST', path: '/agreements', summary: 'Agree with another cloud to count on both sides', access: access('create_agreement'), stability: 'stable', body: exactly({ id: Type.Optional(Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$', description: 'The same on both sides' })), ...terms }), status: 201, response: Agreement },
  show: { method: 'GET', path: '/agreements/{agreement_id}', summary: 'Show an agreement', access: access('show_agreement'), stability: 'stable', status: 200, response: Agreement },
  setCounterparts: {
    method: 'PUT',
    path: '/agreements/{agreement_id}/counterparts',
    summary: "Say which of the peer's projects and things are which of ours",
    access: access('set_counterparts', 'service'),
    stability: 'stable',
    body: exactly({ counterparts: Type.Array(exactly({ kind: Type.Enum(['project', 'resource']), peer_id: Id, own_id: Id }), { maxItems: 10_000 }) }),
    status: 204,
  },
});

const hourQuery = exactly({ level: Type.Optional(Type.Enum(['hour', 'resource', 'event'])), project: Type.Optional(Id), resource: Type.Optional(MeasuredResource), resource_id: Type.Optional(Id) });

export const statements = operations({
  show: {
    method: 'GET',
    path: '/agreements/{agreement_id}/hours/{hour}',
    summary: 'What we have counted in an hour, signed: in sums, thing by thing, or event by event. For the peer, as a user of its domain here',
    access: access('show_statement', 'user'),
    stability: 'stable',
    query: hourQuery,
    status: 200,
    response: SignedStatement,
  },
  take: {
    method: 'PUT',
    path: '/agreements/{agreement_id}/hours/{hour}',
    summary: "Take the peer's statement of an hour; an older revision is refused, and a second one of the same number is kept as evidence against the peer and changes nothing",
    access: access('take_statement', 'service'),
    stability: 'stable',
    body: SignedHour,
    maxBodyBytes: 16 * 1024 * 1024,
    status: 204,
  },
  accept: {
    method: 'PUT',
    path: '/agreements/{agreement_id}/hours/{hour}/accepted',
    summary: 'Take what the peer, as consumer, accepts of an hour: what is billed',
    access: access('accept_statement', 'user'),
    stability: 'stable',
    body: SignedAccepted,
    maxBodyBytes: 16 * 1024 * 1024,
    status: 204,
  },
});

export const disputes = operations({
  list: {
    method: 'GET',
    path: '/disputes',
    summary: 'What is not agreed on',
    access: access('list_disputes'),
    stability: 'stable',
    query: exactly({ agreement_id: Type.Optional(Id), status: Type.Optional(Type.Enum(['open', 'resolved'])) }),
    status: 200,
    response: exactly({ disputes: Type.Array(Dispute) }),
    list: { resource: 'dispute', show: 'show', parameter: 'dispute_id', ofNoProject: true },
  },
  show: { method: 'GET', path: '/disputes/{dispute_id}', summary: 'Show a dispute', access: access('show_dispute'), stability: 'stable', status: 200, response: Dispute },
  resolve: { method: 'POST', path: '/disputes/{dispute_id}/resolve', summary: 'Say whose count stands', access: access('resolve_dispute'), stability: 'stable', body: exactly({ in_favour: Type.Enum(['own', 'peer']) }), status: 200, response: Dispute },
});
