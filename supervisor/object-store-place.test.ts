import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle, type UpOptions } from '../cli/up.ts';
import { bucketPlaceOf, keyIn } from './object-store-place.ts';

test('a bucket is named with where it is, and never with its key', () => {
  assert.deepEqual(bucketPlaceOf('s3://bodies@rgw.example'), { endpoint: 'https://rgw.example', region: 'us-east-1', bucket: 'bodies', prefix: '' });
  assert.deepEqual(bucketPlaceOf('s3://bodies/of/ours@http://127.0.0.1:7480/s3/?region=north'), { endpoint: 'http://127.0.0.1:7480/s3', region: 'north', bucket: 'bodies', prefix: 'of/ours/' });
  for (const wrong of ['s3://bodies', 'bodies@rgw.example', 's3://B@rgw.example', 's3://bodies@ftp://rgw.example', 's3://AKIA:secret@bodies', 's3://bodies@https://AKIA:secret@rgw.example', 's3://bodies@rgw.example?key=secret']) assert.equal(bucketPlaceOf(wrong), undefined, wrong);
});

test('its key is read as other clients write it down', () => {
  assert.deepEqual(keyIn('[default]\naws_access_key_id = AKIA\naws_secret_access_key=a+/=\n'), { access: 'AKIA', secret: 'a+/=' });
  assert.deepEqual(keyIn('export AWS_ACCESS_KEY_ID=AKIA\nexport AWS_SECRET_ACCESS_KEY=b\n'), { access: 'AKIA', secret: 'b' });
  assert.equal(keyIn('aws_access_key_id = AKIA\n'), undefined);
});

test('a cloud stays with the bucket that it began with, wherever that is to be found', () => {
  const wish = (objectStore?: string): UpOptions => ({ state: '/tmp/x', driver: 'simulated', format: 'table', ...(objectStore === undefined ? {} : { objectStore }) });
  const first = settle(wish('s3://bodies@rgw.example'), undefined);

  assert.equal(settle(wish(), first).objectStore?.endpoint, 'https://rgw.example');
  assert.equal(settle(wish('s3://bodies@rgw2.example'), first).objectStore?.endpoint, 'https://rgw2.example');
  assert.throws(() => settle(wish('s3://other@rgw.example'), first), /bodies\/; they do not move/);
  assert.throws(() => settle(wish('s3://bodies@rgw.example'), settle(wish(), undefined)), /in its folder; they do not move/);
  assert.throws(() => settle(wish('s3://bodies'), undefined), /names no bucket/);
});
