/** A service that was asked by a signed request asks identity whose signature it is: keystone/api/{ec2tokens,s3tokens}.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Token } from './tokens.ts';

const Text = Type.String({ maxLength: 65_535 });
const Texts = Type.Record(Type.String(), Type.Union([Text, Type.Number(), Type.Boolean()]));

/** The signed request, in parts. */
const Ec2Request = Type.Object({
  access: Type.Optional(Text),
  signature: Type.Optional(Text),
  host: Type.Optional(Text),
  verb: Type.Optional(Text),
  path: Type.Optional(Text),
  params: Type.Optional(Texts),
  headers: Type.Optional(Texts),
  body_hash: Type.Optional(Text),
});
/** What was signed, in base64, and the signature. */
const S3Request = Type.Object({ access: Type.Optional(Text), signature: Type.Optional(Text), token: Type.Optional(Text) });

// Either name, as both are about: keystone/api/_shared/EC2_S3_Resource.py.
const named = <S extends ReturnType<typeof Type.Object>>(request: S) => Type.Object({ credentials: Type.Optional(request), credential: Type.Optional(request), ec2Credentials: Type.Optional(request) }, { minProperties: 1 });

export const signatureTokens = operations({
  ec2: {
    method: 'POST',
    path: '/ec2tokens',
    summary: 'Get the token of whoever signed a request to a service of Amazon kind',
    access: { rule: 'identity:ec2tokens_validate', who: 'service' },
    stability: 'stable',
    body: named(Ec2Request),
    maxBodyBytes: 256 * 1024,
    status: 200,
    response: Token,
    // The reply holds a secret that no table may keep.
    effects: 'own',
  },
  s3: {
    method: 'POST',
    path: '/s3tokens',
    summary: 'Get to know who signed a request to an object store',
    access: { rule: 'identity:s3tokens_validate', who: 'service' },
    stability: 'stable',
    body: named(S3Request),
    maxBodyBytes: 256 * 1024,
    status: 200,
    response: Token,
    effects: 'own',
  },
});
