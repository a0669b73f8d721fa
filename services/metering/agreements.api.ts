/** The doors of agreements, of what is stated under them, and of disputes. */
import { agreements as agreementsContract, disputes as disputesContract, statements as statementsContract } from '../../contract/intercloud/metering/agreements.ts';
import { badRequest } from '../../kit/fault.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import type { Plain, Signed } from '../../kit/signed.ts';
import {
  allAgreements, allDisputes, createAgreement, getAgreement, getDispute, getForPeer, resolveDispute, setCounterparts, showStatement, takeAccepted, takeStatement,
  type Agreement, type Ask, type Dispute, type Signing,
} from './agreements.ts';
import { getOwnRegion } from '../federation/regions.ts';
import { hourMs } from './usage.ts';

export const agreements = implement(agreementsContract, {
  list: async ({ tx }) => ({ agreements: (await allAgreements(tx)).map(shown) }),
  async create(request) {
    const { id = request.random.uuid(), role, peer, region, domain_id: domainId, keys, tolerance_seconds: toleranceSeconds, late_hours: lateHours, book_hash: bookHash } = request.body;
    return shown(await createAgreement(request, { id, role, peer, region, domainId, keys, toleranceSeconds, lateHours, bookHash }));
  },
  show: async ({ tx, params }) => shown(await getAgreement(tx, params.agreement_id)),
  async setCounterparts(request) {
    await demandRegion(request);
    await setCounterparts(request, request.params.agreement_id, request.body.counterparts.map(({ kind, peer_id: peerId, own_id: ownId }) => ({ kind, peerId, ownId })));
  },
});

export function statements({ signing }: { signing: Signing }) {
  return implement(statementsContract, {
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

function shown({ id, role, peer, region, domainId, keys, toleranceSeconds, lateHours, bookHash, createdAt }: Agreement) {
  return { id, role, peer, region, domain_id: domainId, keys, tolerance_seconds: toleranceSeconds, late_hours: lateHours, book_hash: bookHash, created_at: createdAt.toISOString() };
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
