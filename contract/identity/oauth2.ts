/** Tokens by the grant of client credentials (RFC 6749): keystone/api/os_oauth2.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';

export const oauth2Tokens = operations({
  create: {
    method: 'POST',
    path: '/OS-OAUTH2/token',
    summary: 'Get a token for an application credential, whose id and secret are the client’s',
    access: { rule: 'identity:create_oauth2_token', who: 'anyone' },
    stability: 'stable',
    consumes: ['application/x-www-form-urlencoded'],
    body: 'stream',
    status: 200,
    response: Type.Object({ access_token: Type.String(), token_type: Type.Literal('Bearer'), expires_in: Type.Integer() }),
    // A secret is hashed between reading and answering, and the reply is a secret that no table may keep.
    effects: 'own',
  },
});

/** What RFC 6749 calls the refusals, by keystone's names: keystone/exception.py. */
export const oauth2Errors: Readonly<Record<string, string>> = {
  OAuth2InvalidClient: 'invalid_client',
  OAuth2InvalidRequest: 'invalid_request',
  OAuth2UnsupportedGrantType: 'unsupported_grant_type',
  OAuth2OtherError: 'other_error',
};
