/** The doors of consumers and their tokens. keystone/api/os_oauth1.py; keystone/api/users.py, OAuth1… */
import { accessTokens as accessTokensContract, consumers as consumersContract, oauthTokens as oauthTokensContract } from '../../contract/identity/oauth1.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import { given } from './domains.api.ts';
import { extraOf } from './extra.ts';
import { microseconds } from './moments.ts';
import {
  authorize,
  createAccessToken,
  createConsumer,
  createRequestToken,
  deleteAccessToken,
  deleteConsumer,
  getAccessToken,
  getConsumer,
  listAccessTokens,
  listConsumers,
  rolesOfAccessToken,
  updateConsumer,
  type AccessToken,
  type Consumer,
  type Given,
} from './oauth1.ts';
import { pageOf, wholeList } from './pages.ts';
import type { IdentityParts } from './parts.ts';
import { couldNotFind, invalid } from './refusals.ts';
import type { Role } from './roles.store.ts';
import { partsFor } from './tokens.api.ts';
import { claimsOf } from './tokens.ts';

type Links = { url(path: string): string };

const columns = ['id', 'description', 'secret', 'links'];

export function consumersDoor({ vault, directory }: IdentityParts) {
  return implement(consumersContract, {
    async list(request) {
      const { items, rest } = pageOf(request, await listConsumers(request, request.query));
      return { consumers: items.map((consumer) => consumerView(consumer, request)), ...rest };
    },
    async create(request) {
      const { description = null } = request.body.consumer;
      const { secret, ...consumer } = await createConsumer(request, vault, { description, extra: extraOf(request.body.consumer, columns) });
      await announce(request, 'OS-OAUTH1:consumer', 'created', consumer.id);
      return { consumer: { ...consumerView(consumer, request), secret } };
    },
    async show(request) {
      return { consumer: consumerView(await getConsumer(request, request.params.consumer_id), request) };
    },
    async update(request) {
      const { description } = request.body.consumer;
      // keystone/oauth1/schema.py, consumer_update
      if ('secret' in request.body.consumer) throw invalid('The secret of a consumer does not change.');
      const consumer = await updateConsumer(request, request.params.consumer_id, { ...given({ description }), extra: extraOf(request.body.consumer, columns) });
      await announce(request, 'OS-OAUTH1:consumer', 'updated', consumer.id);
      return { consumer: consumerView(consumer, request) };
    },
    async delete(request) {
      const { consumer_id: id } = request.params;
      await deleteConsumer(request, id);
      // What was got by its tokens is revoked with their rows; this tells everybody to look.
      await directory.revoke(request.tx, [`consumer:${id}`], request.now);
      await announce(request, 'OS-OAUTH1:consumer', 'deleted', id);
    },
  });
}

export function oauthTokensDoor(parts: IdentityParts) {
  const { random, tokens } = parts;
  return implement(oauthTokensContract, {
    async request(request) {
      const project = request.headers['requested-project-id'];
      const signed = { ...partsFor(parts, request, '/OS-OAUTH1/request_token'), random };
      return createRequestToken(signed, typeof project === 'string' && project !== '' ? project : undefined, (work) => request.commit(async (tx) => asForm(await work(tx))));
    },
    async authorize(request) {
      return { token: { oauth_verifier: await authorize(request, claimsOf(tokens, request.caller), request.params.request_token_id, request.body.roles) } };
    },
    async access(request) {
      return createAccessToken({ ...partsFor(parts, request, '/OS-OAUTH1/access_token'), random }, (work) => request.commit(async (tx) => asForm(await work(tx))));
    },
  });
}

export function accessTokensDoor({ tokens, directory }: IdentityParts) {
  return implement(accessTokensContract, {
    async list(request) {
      const { items, rest } = pageOf(request, await listAccessTokens(request, claimsOf(tokens, request.caller), request.params.user_id, request.query));
      return { access_tokens: items.map((token) => accessTokenView(token, request)), ...rest };
    },
    async show(request) {
      const { user_id: userId, access_token_id: id } = request.params;
      return { access_token: accessTokenView(await getAccessToken(request, claimsOf(tokens, request.caller), userId, id), request) };
    },
    async delete(request) {
      const { user_id: userId, access_token_id: id } = request.params;
      await deleteAccessToken(request, claimsOf(tokens, request.caller), userId, id);
      await directory.revoke(request.tx, [`access_token:${id}`], request.now);
      await announce(request, 'OS-OAUTH1:access_token', 'deleted', id, { user_id: userId });
    },
    async listRoles(request) {
      const { user_id: userId, access_token_id: id } = request.params;
      const token = await getAccessToken(request, claimsOf(tokens, request.caller), userId, id, 'identity:list_access_token_roles');
      return { roles: (await rolesOfAccessToken(request.tx, token)).map((role) => roleOfTokenView(role, request)), ...wholeList(request) };
    },
    async showRole(request) {
      const { user_id: userId, access_token_id: id, role_id: roleId } = request.params;
      const token = await getAccessToken(request, claimsOf(tokens, request.caller), userId, id, 'identity:get_access_token_role');
      const role = (await rolesOfAccessToken(request.tx, token)).find((each) => each.id === roleId);
      if (!role) throw couldNotFind('role', roleId);
      return { role: roleOfTokenView(role, request) };
    },
  });
}

/** RFC 5849, section 2.1 */
function asForm({ id, secret, expiresAt }: Given): Answer<string> {
  return new Answer(`oauth_token=${id}&oauth_token_secret=${secret}&oauth_expires_at=${microseconds(expiresAt)}`, { headers: { 'content-type': 'application/x-www-form-urlencoded' } });
}

function consumerView({ id, description, extra }: Consumer, { url }: Links) {
  return { ...extra, id, description, links: { self: url(`/OS-OAUTH1/consumers/${id}`) } };
}

function accessTokenView({ id, consumerId, userId, projectId, expiresAt }: AccessToken, { url }: Links) {
  const self = url(`/users/${userId}/OS-OAUTH1/access_tokens/${id}`);
  return { id, consumer_id: consumerId, authorizing_user_id: userId, project_id: projectId, expires_at: expiresAt === null ? null : microseconds(expiresAt), links: { self, roles: `${self}/roles` } };
}

/** keystone/api/users.py, _format_role_entity: without its description. */
function roleOfTokenView({ id, name, domainId }: Role, { url }: Links) {
  return { id, name, domain_id: domainId, links: { self: url(`/roles/${id}`) } };
}
