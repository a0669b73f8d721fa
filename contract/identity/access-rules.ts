/** What programs with a user's application credentials may ask for: keystone/application_credential/schema.py, access_rule. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { AccessRule, listOf, pageQuery, SelfLink } from './shapes.ts';

const LinkedRule = Type.Intersect([AccessRule, Type.Object({ links: SelfLink })]);
const judged = (verb: string) => ({ rule: `identity:${verb}`, who: 'user', judged: true }) as const;

export const accessRules = operations({
  list: {
    method: 'GET',
    path: '/users/{user_id}/access_rules',
    summary: 'List the access rules of a user',
    access: judged('list_access_rules'),
    stability: 'stable',
    query: Type.Object({ ...pageQuery, service: Type.Optional(Type.String()), path: Type.Optional(Type.String()), method: Type.Optional(Type.String()) }),
    status: 200,
    response: listOf('access_rules', LinkedRule),
    list: { after: { application_credential: null, access_rule: null } },
  },
  show: {
    method: 'GET',
    path: '/users/{user_id}/access_rules/{access_rule_id}',
    summary: 'Show an access rule',
    access: judged('get_access_rule'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ access_rule: LinkedRule }),
  },
  delete: {
    method: 'DELETE',
    path: '/users/{user_id}/access_rules/{access_rule_id}',
    summary: 'Delete an access rule that no application credential uses',
    access: judged('delete_access_rule'),
    stability: 'stable',
    status: 204,
  },
});
