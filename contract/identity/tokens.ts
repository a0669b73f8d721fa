/** Proving who one is: keystone/api/auth.py, keystone/auth/schema.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Catalog } from './catalog-entry.ts';
import { AccessRule, NamedDomain, RoleReference } from './shapes.ts';

const Reference = Type.Object({ id: Type.Optional(Type.String({ maxLength: 255 })), name: Type.Optional(Type.String({ maxLength: 255 })) });
const InDomain = Type.Object({
  id: Type.Optional(Type.String({ maxLength: 255 })),
  name: Type.Optional(Type.String({ maxLength: 255 })),
  domain: Type.Optional(Reference),
});
const Secret = Type.String({ maxLength: 4096 });

const Identity = Type.Object({
  methods: Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 16 }),
  password: Type.Optional(
    Type.Object({
      user: Type.Object({
        id: Type.Optional(Type.String({ maxLength: 255 })),
        name: Type.Optional(Type.String({ maxLength: 255 })),
        domain: Type.Optional(Reference),
        password: Secret,
      }),
    }),
  ),
  token: Type.Optional(Type.Object({ id: Type.String({ maxLength: 8192 }) })),
  totp: Type.Optional(
    Type.Object({
      user: Type.Object({
        id: Type.Optional(Type.String({ maxLength: 255 })),
        name: Type.Optional(Type.String({ maxLength: 255 })),
        domain: Type.Optional(Reference),
        passcode: Type.String({ maxLength: 64 }),
      }),
    }),
  ),
  // What it needs is in the Authorization header: keystone/auth/plugins/oauth1.py.
  oauth1: Type.Optional(Type.Object({})),
  application_credential: Type.Optional(
    Type.Object({
      id: Type.Optional(Type.String({ maxLength: 255 })),
      name: Type.Optional(Type.String({ maxLength: 255 })),
      user: Type.Optional(InDomain),
      secret: Secret,
    }),
  ),
});

const Scope = Type.Union([
  Type.Literal('unscoped'),
  Type.Object({
    project: Type.Optional(InDomain),
    domain: Type.Optional(Reference),
    system: Type.Optional(Type.Object({ all: Type.Boolean() })),
    unscoped: Type.Optional(Type.Object({})),
    'OS-TRUST:trust': Type.Optional(Type.Object({ id: Type.String({ maxLength: 255 }) })),
  }),
]);

export const TokenRequest = Type.Object({ auth: Type.Object({ identity: Identity, scope: Type.Optional(Scope) }) });

export const Token = Type.Object({
  token: Type.Object({
    methods: Type.Array(Type.String()),
    user: Type.Object({ domain: NamedDomain, id: Type.String(), name: Type.String(), password_expires_at: Type.Union([Type.String(), Type.Null()]) }),
    audit_ids: Type.Array(Type.String()),
    expires_at: Type.String(),
    issued_at: Type.String(),
    project: Type.Optional(Type.Object({ domain: NamedDomain, id: Type.String(), name: Type.String() })),
    is_domain: Type.Optional(Type.Boolean()),
    domain: Type.Optional(NamedDomain),
    system: Type.Optional(Type.Object({ all: Type.Literal(true) })),
    roles: Type.Optional(Type.Array(RoleReference)),
    catalog: Type.Optional(Catalog),
    application_credential: Type.Optional(Type.Object({ id: Type.String(), name: Type.String(), restricted: Type.Boolean(), access_rules: Type.Optional(Type.Array(AccessRule)) })),
    'OS-TRUST:trust': Type.Optional(Type.Object({ id: Type.String(), impersonation: Type.Boolean(), trustor_user: Type.Object({ id: Type.String() }), trustee_user: Type.Object({ id: Type.String() }) })),
    'OS-OAUTH1': Type.Optional(Type.Object({ access_token_id: Type.String(), consumer_id: Type.String() })),
  }),
});

const query = Type.Object({ nocatalog: Type.Optional(Type.String()), allow_expired: Type.Optional(Type.String()) });

export const tokens = operations({
  create: {
    method: 'POST',
    path: '/auth/tokens',
    summary: 'Prove who you are and get a token',
    access: { rule: 'identity:create_token', who: 'anyone' },
    stability: 'stable',
    query: Type.Object({ nocatalog: Type.Optional(Type.String()) }),
    body: TokenRequest,
    maxBodyBytes: 64 * 1024,
    status: 201,
    response: Token,
    // A password is hashed between reading and answering, and the reply is a secret that no table may keep.
    effects: 'own',
  },
  validate: {
    method: 'GET',
    path: '/auth/tokens',
    summary: 'Show what a token says',
    access: { rule: 'identity:validate_token', who: 'user', judged: true },
    stability: 'stable',
    query,
    status: 200,
    response: Token,
  },
  check: {
    method: 'HEAD',
    path: '/auth/tokens',
    summary: 'Ask whether a token is valid',
    access: { rule: 'identity:check_token', who: 'user', judged: true },
    stability: 'stable',
    query,
    status: 200,
  },
  listRevoked: {
    method: 'GET',
    path: '/auth/tokens/OS-PKI/revoked',
    summary: 'List revoked tokens: gone, as no token is kept that could be listed',
    access: { rule: 'identity:revocation_list', who: 'anyone' },
    stability: 'deprecated',
    deprecation: { since: '2016-10-06' },
    status: 200,
    response: Type.Object({}),
  },
  revoke: {
    method: 'DELETE',
    path: '/auth/tokens',
    summary: 'Make a token invalid',
    access: { rule: 'identity:revoke_token', who: 'user', judged: true },
    stability: 'stable',
    status: 204,
  },
});
