/** Consumers act for users who have authorized them: keystone/api/os_oauth1.py, keystone/api/users.py, OAuth1…; RFC 5849. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Description, Id, listOf, Name, pageQuery, PageLinks, SelfLink } from './shapes.ts';

export const Consumer = Type.Object({ id: Type.String(), description: Description, links: SelfLink });
const MadeConsumer = Type.Object({ consumer: Type.Intersect([Consumer, Type.Object({ secret: Type.String() })]) });

export const AccessToken = Type.Object({
  id: Type.String(),
  consumer_id: Type.String(),
  authorizing_user_id: Type.String(),
  project_id: Type.String(),
  expires_at: Type.Union([Type.String(), Type.Null()]),
  links: Type.Object({ self: Type.String(), roles: Type.String() }),
});
const AccessTokenRole = Type.Object({ id: Type.String(), name: Type.String(), domain_id: Type.Union([Type.String(), Type.Null()]), links: SelfLink });

const admin = (verb: string) => ({ rule: `identity:${verb}`, who: 'admin' }) as const;
const adminJudged = (verb: string) => ({ ...admin(verb), judged: true }) as const;
const judged = (verb: string) => ({ rule: `identity:${verb}`, who: 'user', judged: true }) as const;

export const consumers = operations({
  list: {
    method: 'GET',
    path: '/OS-OAUTH1/consumers',
    summary: 'List consumers',
    access: judged('list_consumers'),
    stability: 'stable',
    query: Type.Object(pageQuery),
    status: 200,
    response: listOf('consumers', Consumer),
    list: { resource: 'OS-OAUTH1:consumer', show: 'show', parameter: 'consumer_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/OS-OAUTH1/consumers',
    summary: 'Create a consumer; its secret is shown this once',
    access: admin('create_consumer'),
    stability: 'stable',
    body: Type.Object({ consumer: Type.Object({ description: Type.Optional(Description) }) }),
    status: 201,
    response: MadeConsumer,
  },
  show: {
    method: 'GET',
    path: '/OS-OAUTH1/consumers/{consumer_id}',
    summary: 'Show a consumer',
    access: judged('get_consumer'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ consumer: Consumer }),
  },
  update: {
    method: 'PATCH',
    path: '/OS-OAUTH1/consumers/{consumer_id}',
    summary: 'Change a consumer',
    access: admin('update_consumer'),
    stability: 'stable',
    body: Type.Object({ consumer: Type.Object({ id: Type.Optional(Id), description: Type.Optional(Description) }, { minProperties: 1 }) }),
    status: 200,
    response: Type.Object({ consumer: Consumer }),
  },
  delete: {
    method: 'DELETE',
    path: '/OS-OAUTH1/consumers/{consumer_id}',
    summary: 'Delete a consumer, and all tokens that it was given',
    access: admin('delete_consumer'),
    stability: 'stable',
    status: 204,
  },
});

/** Who asks proves it by a signature in the Authorization header. */
export const oauthTokens = operations({
  request: {
    method: 'POST',
    path: '/OS-OAUTH1/request_token',
    summary: 'Ask for a token that a user can authorize',
    access: { rule: 'identity:create_request_token', who: 'anyone' },
    stability: 'stable',
    status: 201,
    response: Type.String(),
    effects: 'own',
  },
  authorize: {
    method: 'PUT',
    path: '/OS-OAUTH1/authorize/{request_token_id}',
    summary: 'Let a consumer act for you with some of your roles',
    access: adminJudged('authorize_request_token'),
    stability: 'stable',
    body: Type.Object({ roles: Type.Array(Type.Object({ id: Type.Optional(Id), name: Type.Optional(Name) }, { minProperties: 1, maxProperties: 1, additionalProperties: false }), { minItems: 1, maxItems: 100 }) }),
    status: 200,
    response: Type.Object({ token: Type.Object({ oauth_verifier: Type.String() }) }),
  },
  access: {
    method: 'POST',
    path: '/OS-OAUTH1/access_token',
    summary: 'Get a token for acting for the user who has authorized it',
    access: { rule: 'identity:create_access_token', who: 'anyone' },
    stability: 'stable',
    status: 201,
    response: Type.String(),
    effects: 'own',
  },
});

export const accessTokens = operations({
  list: {
    method: 'GET',
    path: '/users/{user_id}/OS-OAUTH1/access_tokens',
    summary: 'List whom a user lets act for them',
    access: adminJudged('list_access_tokens'),
    stability: 'stable',
    query: Type.Object(pageQuery),
    status: 200,
    response: listOf('access_tokens', AccessToken),
    list: { resource: 'OS-OAUTH1:access_token', show: 'show', parameter: 'access_token_id', ofNoProject: true },
  },
  show: {
    method: 'GET',
    path: '/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}',
    summary: 'Show an access token',
    access: adminJudged('get_access_token'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ access_token: AccessToken }),
  },
  delete: {
    method: 'DELETE',
    path: '/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}',
    summary: 'Take an access token back',
    access: adminJudged('delete_access_token'),
    stability: 'stable',
    status: 204,
  },
  listRoles: {
    method: 'GET',
    path: '/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles',
    summary: 'List the roles of an access token',
    access: adminJudged('list_access_token_roles'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ roles: Type.Array(AccessTokenRole), links: PageLinks }),
  },
  showRole: {
    method: 'GET',
    path: '/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles/{role_id}',
    summary: 'Show a role of an access token',
    access: adminJudged('get_access_token_role'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ role: AccessTokenRole }),
  },
});
