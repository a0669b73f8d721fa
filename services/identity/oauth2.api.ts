/** The door of tokens for clients that know OAuth 2.0 and nothing of keystone: RFC 6749, 4.4; keystone/api/os_oauth2.py */
import { oauth2Tokens as contract } from '../../contract/identity/oauth2.ts';
import { Fault } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { authenticateFor } from './authentication.ts';
import type { IdentityParts } from './parts.ts';
import { partsFor } from './tokens.api.ts';

const longestForm = 64 * 1024;

export function oauth2TokensDoor(parts: IdentityParts) {
  return implement(contract, {
    async create(request) {
      const form = await readForm(request.body);
      const grant = form.get('grant_type');
      if (grant === null) throw new Fault(400, 'OAuth2InvalidRequest', 'The parameter grant_type is required.');
      if (grant !== 'client_credentials') throw new Fault(400, 'OAuth2UnsupportedGrantType', `The parameter grant_type ${grant.slice(0, 60)} is not supported.`);
      const { id, secret } = clientOf(String(request.headers['authorization'] ?? ''), form);
      if (!id || !secret) throw new Fault(401, 'OAuth2InvalidClient', 'Client authentication failed.');
      await parts.directory.current();
      const auth = { identity: { methods: ['application_credential'], application_credential: { id, secret } } };
      const { token, claims } = await authenticateFor(partsFor(parts, { ...request, query: {} }, '/OS-OAUTH2/token'), auth).catch((error: unknown) => {
        throw asOAuth2(error);
      });
      const seconds = Math.floor((claims.expiresAt.getTime() - request.now.getTime()) / 1000);
      return new Answer({ access_token: token, token_type: 'Bearer' as const, expires_in: seconds }, { headers: { 'cache-control': 'no-store' } });
    },
  });
}

/** What is no form has no parameters. */
async function readForm(body: unknown): Promise<URLSearchParams> {
  if (typeof body !== 'object' || body === null || !(Symbol.asyncIterator in body)) return new URLSearchParams();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > longestForm) throw new Fault(413, 'RequestTooLarge', 'Request is too large.');
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

/** The header comes before the form, as at keystone's. */
function clientOf(authorization: string, form: URLSearchParams): { id: string | null; secret: string | null } {
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(authorization) ?? [];
  if (encoded === undefined) return { id: form.get('client_id'), secret: form.get('client_secret') };
  const [id = '', ...secret] = Buffer.from(encoded, 'base64').toString().split(':');
  return { id, secret: secret.join(':') };
}

function asOAuth2(error: unknown): unknown {
  if (!(error instanceof Fault) || error.status >= 500 || error.status === 429) return error;
  if (error.status === 401) return new Fault(401, 'OAuth2InvalidClient', error.message, { cause: error });
  if (error.status === 400) return new Fault(400, 'OAuth2InvalidRequest', error.message, { cause: error });
  return new Fault(error.status, 'OAuth2OtherError', 'An unknown error occurred and failed to get an OAuth2.0 access token.', { cause: error });
}
