import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemRandom } from '../../kit/clock.ts';
import { Unsealable } from '../../kit/sealing.ts';
import { identityFixture } from './fixture.ts';
import { createVault, passingKey } from './vault.ts';

const scope = { kind: 'system', reason: 'test' } as const;

test('the key of the cloud is replaced: what the old one has sealed is sealed by the new one, and then opened without the old one', async (t) => {
  const { parts } = await identityFixture(t);
  await parts.database.transaction(scope, (tx) => tx.run`delete from identity.sealing_key`);
  const [old, fresh] = [passingKey(systemRandom), passingKey(systemRandom)];
  const [before, between, after] = [[old], [fresh, old], [fresh]].map((cloudKeys) => createVault({ ...parts, cloudKeys }));
  const seal = (vault: typeof before) => parts.database.transaction(scope, (tx) => vault!.seal(tx, 'consumer', 'x', 'a secret'));
  const open = (vault: typeof before, sealed: Buffer) => parts.database.read(scope, (tx) => vault!.open(tx, 'consumer', 'x', sealed));
  const { sealed } = await seal(before);

  await assert.rejects(open(after, sealed), Unsealable);
  assert.equal(await open(between, sealed), 'a secret');
  await between!.renew();

  assert.equal(await open(after, sealed), 'a secret');
  await assert.rejects(parts.database.read(scope, (tx) => after!.open(tx, 'consumer', 'y', sealed)), Unsealable);
});

test('two that seal the first secret at once use one key', async (t) => {
  const { parts } = await identityFixture(t);
  await parts.database.transaction(scope, (tx) => tx.run`delete from identity.sealing_key`);
  const cloudKeys = [passingKey(systemRandom)];
  const vaults = [1, 2, 3].map(() => createVault({ ...parts, cloudKeys }));

  const made = await Promise.all(vaults.map((vault) => parts.database.transaction(scope, (tx) => vault.seal(tx, 'consumer', 'x', 'a secret'))));

  assert.equal(new Set(made.map(({ sealingKeyId }) => sealingKeyId)).size, 1);
});

test('the keys of tokens of an older cloud are sealed at the next start, and its tokens stay good', async (t) => {
  const { parts, another, admin } = await identityFixture(t);
  const plain = Buffer.alloc(32, 7);
  await parts.database.transaction(scope, (tx) => tx.run`insert into identity.token_key (secret, created_at, signs_from) values (${plain}, ${parts.clock.now()}, '2099-01-01')`);

  const elsewhere = another();
  await elsewhere.start();

  const keys = await parts.database.read(scope, (tx) => tx.rows<{ secret: Buffer; sealed: boolean }>`select secret, sealed from identity.token_key`);
  assert.equal(keys.length, 2);
  assert.ok(keys.every(({ secret, sealed }) => sealed && !secret.includes(plain)));
  assert.ok(elsewhere.directory.key(2)?.equals(plain));
  assert.ok(await elsewhere.authenticate(admin));
});
