/** What became invalid before its time: keystone/models/revoke_model.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { PageLinks } from './shapes.ts';

export const RevocationEvent = Type.Object({
  issued_before: Type.String(),
  revoked_at: Type.String(),
  audit_id: Type.Optional(Type.String()),
  user_id: Type.Optional(Type.String()),
  project_id: Type.Optional(Type.String()),
  domain_id: Type.Optional(Type.String()),
  domain_scope_id: Type.Optional(Type.String()),
  'OS-TRUST:trust_id': Type.Optional(Type.String()),
  'OS-OAUTH1:access_token_id': Type.Optional(Type.String()),
});

export const revocationEvents = operations({
  list: {
    method: 'GET',
    path: '/OS-REVOKE/events',
    summary: 'List what was revoked',
    access: { rule: 'identity:list_revoke_events', who: 'service' },
    stability: 'stable',
    query: Type.Object({ since: Type.Optional(Type.String({ maxLength: 40 })) }),
    status: 200,
    response: Type.Object({ events: Type.Array(RevocationEvent), links: PageLinks }),
    // Whatever is revoked is told of as a change of something else, or not at all.
    list: { after: {}, byItself: true },
  },
});
