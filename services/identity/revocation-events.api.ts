/** What was revoked, for whoever judges tokens by themselves. keystone/api/os_revoke.py, keystone/models/revoke_model.py */
import type { Static } from 'typebox';
import { revocationEvents as contract, type RevocationEvent as Shown } from '../../contract/identity/revocation-events.ts';
import { implement } from '../../kit/http/implement.ts';
import { listRevocationEvents, type RevocationEvent } from './directory.store.ts';
import { microseconds } from './moments.ts';
import { invalid } from './refusals.ts';

const most = 10_000;

export const revocationEventsDoor = implement(contract, {
  async list(request) {
    const { since } = request.query;
    const from = since === undefined ? undefined : new Date(/Z$|[+-]\d\d:?\d\d$/.test(since) ? since : `${since}Z`);
    if (from && Number.isNaN(from.getTime())) throw invalid(`invalidate date format ${since}`);
    const events = await listRevocationEvents(request.tx, from, most);
    return { events: events.flatMap(eventView), links: { next: null, self: request.url('/OS-REVOKE/events'), previous: null } };
  },
});

/** In keystone's words, which know no application credential nor key for signing: what ends with those is told by nothing. */
function eventView({ subject, at }: RevocationEvent): Static<typeof Shown>[] {
  const [kind, id = '', place, placeId] = subject.split(':');
  const moment = microseconds(at);
  const common = { issued_before: moment, revoked_at: moment };
  switch (kind) {
    case 'token':
      return [{ ...common, audit_id: id }];
    case 'user':
      return [{ ...common, user_id: id }];
    case 'project':
      return [{ ...common, project_id: id }];
    case 'domain':
      return [{ ...common, domain_id: id }];
    case 'trust':
      return [{ ...common, 'OS-TRUST:trust_id': id }];
    case 'access_token':
      return [{ ...common, 'OS-OAUTH1:access_token_id': id }];
    case 'grant':
      return [{ ...common, user_id: id, ...(place === 'project' && placeId !== undefined ? { project_id: placeId } : place === 'domain' && placeId !== undefined ? { domain_scope_id: placeId } : {}) }];
    default:
      return [];
  }
}
