import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nobody, type Caller } from '../../kit/http/caller.ts';
import { startCloud } from '../../test/cloud.ts';
import { allowsByPolicy, readPolicy } from './policies.ts';
import { keyOf, s3 } from './s3.fixture.ts';

type Said = Readonly<Record<string, string | null>>;
const policy = (condition: unknown) => JSON.stringify({ Statement: { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::box/*', Condition: condition } });
const lets = (condition: unknown, said: Said = {}, caller: Caller = nobody) =>
  allowsByPolicy(readPolicy(policy(condition), 'box'), { action: 's3:GetObject', key: 'o', caller, address: '192.0.2.1', saying: (name) => said[name] });

test('a condition is met as IAM’s reference says of its operator, also where the request says nothing of it', () => {
  const cases: [operator: string, value: unknown, said: string | undefined, isMet: boolean][] = [
    ['StringEquals', 'a', 'a', true], ['StringEquals', ['b', 'a'], 'a', true], ['StringEquals', 'a', 'A', false], ['StringEquals', 'a*', 'ab', false], ['StringEquals', 'a', undefined, false],
    ['StringEqualsIfExists', 'a', undefined, true], ['StringEqualsIfExists', 'a', 'b', false], ['StringEqualsIgnoreCase', 'a', 'A', true],
    ['StringNotEquals', 'a', 'b', true], ['StringNotEquals', ['b', 'a'], 'b', false], ['StringNotEquals', 'a', undefined, true], ['StringNotEqualsIgnoreCase', 'a', 'A', false],
    ['StringLike', 'a/*', 'a/b/c', true], ['StringLike', 'a/?', 'a/bc', false], ['StringLike', '*', undefined, false], ['StringNotLike', 'a/*', 'a/b', false], ['StringNotLike', 'a/*', undefined, true],
    ['NumericLessThan', '10', '9', true], ['NumericLessThan', 10, '10', false], ['NumericLessThanEquals', '10', '10', true], ['NumericGreaterThanEquals', '10', 'x', false], ['NumericNotEquals', '10', '11', true], ['NumericEquals', '10', undefined, false],
    ['DateGreaterThan', '2026-01-01T00:00:00Z', '2026-03-01T00:00:00.000Z', true], ['DateLessThan', '2026-01-01T00:00:00Z', '2026-03-01T00:00:00.000Z', false], ['DateEquals', '1767225600', '2026-01-01T00:00:00.000Z', true],
    ['Bool', 'true', 'true', true], ['Bool', false, 'true', false], ['Null', 'true', undefined, true], ['Null', 'true', 'a', false], ['Null', 'false', 'a', true],
  ];
  for (const [operator, value, said, isMet] of cases)
    assert.equal(lets({ [operator]: { 's3:prefix': value } }, said === undefined ? {} : { 's3:prefix': said }), isMet, JSON.stringify([operator, value, said]));
});

test('all conditions of a statement have to be met, and nothing is allowed by what nobody can know', () => {
  const both = { StringEquals: { 's3:prefix': 'a', 'S3:ExistingObjectTag/Level': 'open' }, IpAddress: { 'aws:SourceIp': '192.0.2.0/24' } };
  assert.equal(lets(both, { 's3:prefix': 'a', 's3:existingobjecttag/Level': 'open' }), true);
  assert.equal(lets(both, { 's3:prefix': 'a', 's3:existingobjecttag/level': 'open' }), false, 'the name of a tag is as it is');
  assert.equal(lets({ ...both, IpAddress: { 'aws:SourceIp': '198.51.100.0/24' } }, { 's3:prefix': 'a', 's3:existingobjecttag/Level': 'open' }), false);
  for (const operator of ['StringNotEquals', 'StringEqualsIfExists', 'StringNotLike']) assert.equal(lets({ [operator]: { 's3:RequestObjectTag/a': 'b' } }, { 's3:requestobjecttag/a': null }), false, operator);
});

test('a condition that would not be kept is refused, and so is a value that means nothing', () => {
  for (const condition of [{ ArnLike: { 's3:prefix': 'a' } }, { StringEquals: { 'aws:SourceVpce': 'a' } }, { 'ForAnyValue:StringEquals': { 's3:RequestObjectTagKeys': 'a' } }, { IpAddress: { 's3:prefix': '192.0.2.0/24' } }, { toString: { 's3:prefix': 'a' } }, { StringEquals: { 's3:ExistingObjectTag/': 'a' } }])
    assert.throws(() => readPolicy(policy(condition), 'box'), { code: 'NotImplemented' }, JSON.stringify(condition));
  for (const condition of [{ NumericLessThan: { 's3:max-keys': 'ten' } }, { Bool: { 'aws:SecureTransport': 'maybe' } }, { DateLessThan: { 'aws:CurrentTime': 'soon' } }, { StringEquals: { 's3:prefix': [] } }, { StringEquals: { 's3:prefix': { a: 1 } } }, { IpAddress: { 'aws:SourceIp': 'here' } }, { StringEquals: 'a' }])
    assert.throws(() => readPolicy(policy(condition), 'box'), { code: 'MalformedPolicy' }, JSON.stringify(condition));
});

test('strangers are let in by what their request says and by how an object is tagged, as the policy has it', async (t) => {
  const cloud = await startCloud(t);
  const [alice, bob] = [s3(cloud, await keyOf(cloud.alice)), s3(cloud, await keyOf(cloud.bob))];
  const box = `/${cloud.alice.projectId}%3Abox`;
  await alice('PUT', '/box');
  for (const [name, tags] of [['open', 'level=open'], ['closed', 'level=closed'], ['plain', undefined]] as const) await alice('PUT', `/box/${name}`, { body: name, headers: tags === undefined ? {} : { 'x-amz-tagging': tags } });
  const statement = (action: string, resource: string, condition: unknown) => ({ Effect: 'Allow', Principal: '*', Action: action, Resource: `arn:aws:s3:::box${resource}`, Condition: condition });
  const brought = await alice('PUT', '/box?policy', {
    body: JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        statement('s3:GetObject', '/*', { StringEquals: { 's3:ExistingObjectTag/level': 'open' } }),
        statement('s3:ListBucket', '', { StringLike: { 's3:prefix': 'o*' } }),
        statement('s3:PutObject', '/in/*', { StringEquals: { 's3:x-amz-acl': 'bucket-owner-full-control', 's3:RequestObjectTag/from': 'outside' } }),
        statement('s3:PutObject', '/copied/*', { StringLike: { 's3:x-amz-copy-source': `${cloud.bob.projectId}:own/public/*` } }),
        statement('s3:DeleteObject', '/?', {}),
        statement('s3:DeleteObject', '/*', { StringNotEquals: { 's3:ExistingObjectTag/level': 'closed' } }),
        statement('s3:PutObjectTagging', '/*', { StringNotEquals: { 's3:RequestObjectTag/level': 'open' } }),
      ],
    }),
  });
  assert.equal(brought.status, 204, brought.text);

  assert.deepEqual(await Promise.all(['open', 'closed', 'plain', 'none'].map(async (name) => (await bob('GET', `${box}/${name}`)).status)), [200, 403, 403, 403]);
  assert.deepEqual(await Promise.all(['?prefix=op', '?prefix=c', ''].map(async (query) => (await bob('GET', `${box}${query}`)).status)), [200, 403, 403]);
  const put = async (headers: Record<string, string>) => (await bob('PUT', `${box}/in/o`, { body: 'x', headers })).status;
  assert.deepEqual([await put({}), await put({ 'x-amz-acl': 'bucket-owner-full-control' }), await put({ 'x-amz-acl': 'public-read', 'x-amz-tagging': 'from=outside' }), await put({ 'x-amz-acl': 'bucket-owner-full-control', 'x-amz-tagging': 'from=outside' })], [403, 403, 403, 200]);
  assert.equal((await bob('PUT', `${box}/plain?tagging`, { body: '<Tagging><TagSet><Tag><Key>level</Key><Value>open</Value></Tag></TagSet></Tagging>' })).status, 403, 'what a body says is not known before it is read');
  assert.deepEqual(await Promise.all(['closed', 'plain'].map(async (name) => (await bob('DELETE', `${box}/${name}`)).status)), [403, 204]);
  assert.equal((await bob('POST', `${box}?delete`, { body: '<Delete><Object><Key>o</Key></Object></Delete>' })).status, 403, 'of many at once it is not said what each is');
  await bob('PUT', '/own');
  for (const name of ['public/o', 'private']) await bob('PUT', `/own/${name}`, { body: name });
  const copy = async (source: string) => (await bob('PUT', `${box}/copied/o`, { headers: { 'x-amz-copy-source': source } })).status;
  assert.deepEqual([await copy(`${cloud.bob.projectId}%3Aown/public/o`), await copy(`/${cloud.bob.projectId}:own/private`)], [200, 403]);
});
