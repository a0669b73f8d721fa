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

const Resources = Type.Array(MeasuredResource, { minItems: 1, maxItems: 8, description: 'What is counted on both sides; what only one of the clouds can have is in nobody\'s statement' });

const Asked = exactly({ kind: Type.Enum(['intercloud', 'openstack'], { description: '`intercloud`: the peer signs what it has counted; `openstack`: it counts nothing for us, and is observed by its API' }), auth_url: Type.String({ maxLength: 1024 }), region: Name });

export const Agreement = exactly({
  id: Type.String(),
  ...terms,
  resources: Resources,
  asked: Type.Union([exactly({ ...Asked.properties, asked_at: Type.Union([Moment, Type.Null()]), failed_at: Type.Union([Moment, Type.Null()]), failure: Type.Union([Type.String(), Type.Null()], { description: 'What was wrong with the answers the last time, and who gave them; null: nothing' }) }), Type.Null()], { description: 'As consumer: how the peer is asked' }),
  created_at: Moment,
});

/** How we get in at the peer, to ask what it has counted. Shown to nobody. */
const Access = exactly({
  ...Asked.properties,
  domain_id: Type.String({ minLength: 1, maxLength: 64, description: 'There, in which our projects are' }),
  user: Name,
  user_domain: Name,
  project: Type.Union([exactly({ name: Name, domain: Name }), Type.Null()], { description: 'There, in which the user has its rights; null: they are in the domain' }),
  password: Type.String({ minLength: 1, maxLength: 1024 }),
});

const Hour = exactly({
  hour: Moment,
  own_revision: Type.Union([Type.Integer(), Type.Null()], { description: 'Of what we have stated; null: nothing yet' }),
  peer_revision: Type.Union([Type.Integer(), Type.Null()]),
  matched_at: Type.Union([Moment, Type.Null()]),
  told: Type.Boolean({ description: 'As consumer: the peer knows what we accept' }),
  open_disputes: Type.Integer(),
});

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
  list: { method: 'GET', path: '/agreements', summary: 'The agreements: for a peer those with it, for a region those about it', access: access('list_agreements', 'user'), stability: 'stable', query: exactly({ region: Type.Optional(Name) }), status: 200, response: exactly({ agreements: Type.Array(Agreement) }), list: { resource: 'agreement', show: 'show', parameter: 'agreement_id', ofNoProject: true } },
  create: { method: 'POST', path: '/agreements', summary: 'Agree with another cloud to count on both sides', access: access('create_agreement'), stability: 'stable', body: exactly({ id: Type.Optional(Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$', description: 'The same on both sides' })), ...terms, resources: Type.Optional(Resources) }), status: 201, response: Agreement },
  show: { method: 'GET', path: '/agreements/{agreement_id}', summary: 'Show an agreement', access: access('show_agreement', 'user'), stability: 'stable', status: 200, response: Agreement },
  setCounterparts: {
    method: 'PUT',
    path: '/agreements/{agreement_id}/counterparts',
    summary: "Say which of the peer's projects and things are which of ours",
    access: access('set_counterparts', 'service'),
    stability: 'stable',
    body: exactly({ counterparts: Type.Array(exactly({ kind: Type.Enum(['project', 'resource', 'flavor'], { description: 'Of a flavor: the name that it has there, and its size here: `<vcpus>-<memory in MiB>-<disk in GiB>`' }), peer_id: Type.String({ minLength: 1, maxLength: 255 }), own_id: Id }), { maxItems: 10_000 }) }),
    maxBodyBytes: 8 * 1024 * 1024,
    status: 204,
  },
  setAccess: {
    method: 'PUT',
    path: '/agreements/{agreement_id}/access',
    summary: 'As consumer: say how the peer is asked for what it has counted',
    access: access('set_access'),
    stability: 'experimental',
    body: Access,
    status: 204,
  },
  removeAccess: {
    method: 'DELETE',
    path: '/agreements/{agreement_id}/access',
    summary: 'Ask the peer no more, and forget how',
    access: access('remove_access'),
    stability: 'experimental',
    status: 204,
  },
  addKeys: {
    method: 'PUT',
    path: '/agreements/{agreement_id}/keys',
    summary: 'Add keys by which the peer signs from now on; those that are known stay, so that what was signed can be judged. For the peer, as a user of its domain here',
    access: access('add_keys', 'user'),
    stability: 'experimental',
    body: exactly({ keys: Type.Array(Key, { minItems: 1, maxItems: 16 }) }),
    status: 204,
  },
  compare: {
    method: 'POST',
    path: '/agreements/{agreement_id}/compare',
    summary: 'As consumer: ask the peer and compare now, and not when it is due',
    access: access('compare'),
    stability: 'experimental',
    body: exactly({ so_far: Type.Optional(Type.Boolean({ description: 'Also the hour that is under way, as far as both have counted' })) }),
    status: 202,
  },
});

const hours = { from: Type.Optional(Moment), until: Type.Optional(Moment) };

const hourQuery = exactly({ level: Type.Optional(Type.Enum(['hour', 'resource', 'event'])), project: Type.Optional(Id), resource: Type.Optional(MeasuredResource), resource_id: Type.Optional(Id) });

export const statements = operations({
  list: {
    method: 'GET',
    path: '/agreements/{agreement_id}/hours',
    summary: 'How far each hour has come: stated by whom, compared, accepted; the last two days without a period',
    access: access('list_statements'),
    stability: 'experimental',
    query: exactly(hours),
    status: 200,
    response: exactly({ hours: Type.Array(Hour) }),
    list: { after: { agreement: null, dispute: null }, byItself: true },
  },
  state: {
    method: 'POST',
    path: '/agreements/{agreement_id}/hours/{hour}/state',
    summary: 'State an hour as far as it is told, also one that is under way; when more is told it is stated again. For the peer too, as a user of its domain here',
    access: access('state_hour', 'user'),
    stability: 'experimental',
    status: 200,
    response: SignedStatement,
  },
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
