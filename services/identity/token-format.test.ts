import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { authMethods, decodeClaims, encodeClaims, keyIdOf, type Claims } from './token-format.ts';

const plain = { noNullPrototype: true } as const;
const id = fc.oneof(fc.uuid().map((uuid) => uuid.replaceAll('-', '')), fc.constant('default'), fc.constant('a'.repeat(64)), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }));
const moment = fc.nat(2 ** 40).map((number) => new Date(number));
const auditId = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url'));
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const claims: fc.Arbitrary<Claims> = fc.record({
  userId: id,
  userName: fc.string({ unit: 'grapheme', maxLength: 60 }),
  userDomainId: id,
  scope: fc.oneof(
    fc.constant({ kind: 'unscoped' as const }),
    fc.constant({ kind: 'system' as const }),
    fc.record({ kind: fc.constant('domain' as const), id }, plain),
    fc.record({ kind: fc.constant('project' as const), id, name: fc.string({ unit: 'grapheme', maxLength: 60 }), domainId: id }, plain),
  ),
  roleNumbers: fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { maxLength: 300 }).map((numbers) => numbers.sort((a, b) => a - b)),
  methods: fc.subarray([...authMethods]),
  auditId,
  parentAuditId: optional(auditId),
  applicationCredential: optional(fc.record({ id, restricted: fc.boolean(), limited: fc.boolean() }, plain)),
  trustId: optional(id),
  accessTokenId: optional(id),
  ec2CredentialId: optional(id),
  epoch: fc.nat(2 ** 40),
  issuedAt: moment,
  expiresAt: moment,
}, plain);

test('whatever a token says is read as it was written', () => {
  fc.assert(
    fc.property(claims, fc.nat(65_535), (written, keyId) => {
      const bytes = encodeClaims('token', written, keyId);
      assert.deepEqual(decodeClaims(bytes), written);
      assert.equal(keyIdOf('token', bytes), keyId);
      assert.equal(keyIdOf('receipt', bytes), undefined);
    }),
    { numRuns: 1_000 },
  );
});

const usual: Claims = {
  userId: '0'.repeat(32),
  userName: 'a name of a usual length',
  userDomainId: 'default',
  scope: { kind: 'project', id: '1'.repeat(32), name: 'a project of a usual name', domainId: '2'.repeat(32) },
  roleNumbers: [],
  methods: ['password', 'token', 'totp'],
  auditId: 'A'.repeat(22),
  parentAuditId: 'B'.repeat(21) + 'A',
  applicationCredential: undefined,
  trustId: '3'.repeat(32),
  accessTokenId: undefined,
  ec2CredentialId: '4'.repeat(64),
  epoch: 2 ** 40,
  issuedAt: new Date('2026-03-01T12:00:00Z'),
  expiresAt: new Date('2026-03-01T13:00:00Z'),
};

test('with long lists of roles a token has no more than 500 bytes', () => {
  const lists: Record<string, number[]> = {
    'one after another': Array.from({ length: 500 }, (_, index) => index + 1),
    'every third of six hundred': Array.from({ length: 200 }, (_, index) => index * 3 + 1),
    'fifty, far apart': Array.from({ length: 50 }, (_, index) => index * 1_000 + 7),
  };
  for (const [title, roleNumbers] of Object.entries(lists)) {
    const signed = Buffer.concat([encodeClaims('token', { ...usual, roleNumbers }, 7), Buffer.alloc(32)]);
    const characters = signed.toString('base64url').length;
    assert.ok(characters <= 500, `${title}: ${characters} characters`);
  }
});
