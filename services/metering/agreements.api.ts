/** The doors of agreements, of what is stated under them, and of disputes. */
import { agreements as agreementsContract, disputes as disputesContract, statements as statementsContract } from '../../contract/intercloud/metering/agreements.ts';
import { badRequest } from '../../kit/fault.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import type { Plain, Signed } from '../../kit/signed.ts';
import {
  addKeys, allDisputes, createAgreement, getAgreement, getDispute, getForPeer, listHours, resolveDispute, setCounterparts, showStatement, stateNow, takeAccepted, takeStatement, visibleAgreements,
  type Agreement, type Ask, type Dispute, type HourState, type Signing,
} from './agreements.ts';
import { getOwnRegion } from '../federation/regions.ts';
import { compareNow, removeAccess, setAccess, type Seals } from './access.ts';
import { hourMs } from './usage.ts';

/** What one region uses of one peer; a cloud counts nothing of images and addresses of another's. */
const usualResources = ['server', 'volume', 'volume_snapshot'] as const;

export function agreements({ vault }: { vault: Seals }) {
  return implement(agreementsContract, {
    async list(request) {
      const { region } = request.query;
      if (region !== undefined) await getOwnRegion(request, region);
      return { agreements: (await visibleAgreements(request, region === undefined ? {} : { region })).map(shown) };
    },
    async create(request) {
      const { id = request.random.uuid(), role, peer, region, domain_id: domainId, keys, tolerance_seconds: toleranceSeconds, late_hours: lateHours, book_hash: bookHash, resources = usualResources } = request.body;
      return shown(await createAgreement(request, { id, role, peer, region, domainId, keys, toleranceSeconds, lateHours, bookHash, resources: [...new Set(resources)] }));
    },
    show: async (request) => shown(await getForPeer(request, request.params.agreement_id)),
    async setCounterparts(request) {
      await demandRegion(request);
      await setCounterparts(request, request.params.agreement_id, request.body.counterparts.map(({ kind, peer_id: peerId, own_id: ownId }) => ({ kind, peerId, ownId })));
    },
    async setAccess(request) {
      const { kind, auth_url: authUrl, region, domain_id: domainId, user, user_domain: userDomain, project, password } = request.body;
      await setAccess(request, vault, request.params.agreement_id, { kind, authUrl, region, domainId, user, userDomain, project, password });
    },
    removeAccess: (request) => removeAccess(request, request.params.agreement_id),
    addKeys: (request) => addKeys(request, request.params.agreement_id, request.body.keys),
    compare: (request) => compareNow(request, request.params.agreement_id, { soFar: request.body.so_far === true }),
  });
}

export function statements({ signing }: { signing: Signing }) {
  return implement(statementsContract, {
    async list({ tx, params, query, now }) {
      const until = query.until === undefined ? new Date(now.getTime() + hourMs) : momentOf(query.until);
      const from = query.from === undefined ? new Date(until.getTime() - 48 * hourMs) : momentOf(query.from);
      return { hours: (await listHours(tx, params.agreement_id, { from, until })).map(shownHour) };
    },
    state: async (request) => (await stateNow(request, request.params.agreement_id, hourOf(request.params.hour), signing)) as never,
    async show(request) {
      const { tx, params, now } = request;
      const agreement = await getForPeer(request, params.agreement_id);
      return (await showStatement(tx, { agreement, hour: hourOf(params.hour), ask: askOf(request.query), signing, now })) as never;
    },
    async take(request) {
      await demandRegion(request);
      await takeStatement(request, request.params.agreement_id, hourOf(request.params.hour), request.body as unknown as Signed<Plain>);
    },
    async accept(request) {
      await takeAccepted(request, request.params.agreement_id, hourOf(request.params.hour), request.body as unknown as Signed<Plain>);
    },
  });
}

export const disputes = implement(disputesContract, {
  list: async ({ tx, query }) => ({ disputes: (await allDisputes(tx, { agreementId: query.agreement_id, status: query.status })).map(shownDispute) }),
  show: async ({ tx, params }) => shownDispute(await getDispute(tx, params.dispute_id)),
  resolve: async (request) => shownDispute(await resolveDispute(request, request.params.dispute_id, request.body.in_favour)),
});

/** A region tells of its own agreements only. */
async function demandRegion(request: Context & { params: { agreement_id: string } }): Promise<void> {
  const { region } = await getAgreement(request.tx, request.params.agreement_id);
  if (!request.caller.isAdmin) await getOwnRegion(request, region);
}

function askOf({ level = 'hour', project, resource, resource_id: resourceId }: { level?: 'hour' | 'resource' | 'event'; project?: string; resource?: string; resource_id?: string }): Ask {
  if (level === 'hour') return { level };
  if (level === 'resource' && project !== undefined && resource !== undefined) return { level, project, resource: resource as 'server' };
  if (level === 'event' && resourceId !== undefined && resource !== undefined) return { level, resource: resource as 'server', resourceId };
  throw badRequest('Things are asked for by project and resource, events by resource and resource_id', 'invalid');
}

function hourOf(text: string): Date {
  const hour = new Date(text);
  if (!/^\d{4}-\d\d-\d\dT/.test(text) || Number.isNaN(hour.getTime()) || hour.getTime() % hourMs !== 0) throw badRequest(`There is no such hour: ${text.slice(0, 40)}`, 'invalid');
  return hour;
}

/** RFC 3339 knows leap seconds, which no clock of ours has. */
function momentOf(text: string): Date {
  const moment = new Date(text);
  if (Number.isNaN(moment.getTime())) throw badRequest(`There is no such moment: ${text}`, 'invalid');
  return moment;
}

function shown({ id, role, peer, region, domainId, keys, toleranceSeconds, lateHours, bookHash, resources, asked, createdAt }: Agreement) {
  return { id, role, peer, region, domain_id: domainId, keys, tolerance_seconds: toleranceSeconds, late_hours: lateHours, book_hash: bookHash, resources, asked, created_at: createdAt.toISOString() };
}

function shownHour({ hour, ownRevision, peerRevision, matchedAt, told, openDisputes }: HourState) {
  return { hour: hour.toISOString(), own_revision: ownRevision, peer_revision: peerRevision, matched_at: matchedAt?.toISOString() ?? null, told, open_disputes: openDisputes };
}

function shownDispute(dispute: Dispute) {
  return {
    id: dispute.id,
    agreement_id: dispute.agreementId,
    hour: dispute.hour.toISOString(),
    kind: dispute.kind,
    project_id: dispute.projectId,
    resource: dispute.resource,
    resource_id: dispute.resourceId,
    peer_resource_id: dispute.peerResourceId,
    measure: dispute.measure,
    own_unit_ms: dispute.ownUnitMs,
    peer_unit_ms: dispute.peerUnitMs,
    own_events: dispute.ownEvents,
    peer_events: dispute.peerEvents,
    accused: dispute.accused,
    message: dispute.message,
    status: dispute.status,
    in_favour: dispute.inFavour,
    created_at: dispute.createdAt.toISOString(),
  };
}
