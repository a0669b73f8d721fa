import type { Static } from 'typebox';
import { keys as contract, type SigningKey } from '../../contract/intercloud/admission/keys.ts';
import { implement } from '../../kit/http/implement.ts';
import { rotateSigningKey, type SigningParts } from './signing-keys.ts';
import { listSigningKeys, type SigningKeyRow } from './signing-keys.store.ts';

export function keysDoor(parts: SigningParts) {
  return implement(contract, {
    list: async ({ tx }) => ({ keys: (await listSigningKeys(tx)).map(shown) }),
    create: async ({ tx }) => ({ key: shown(await rotateSigningKey(parts, tx)) }),
  });
}

function shown({ id, publicKey, madeAt }: SigningKeyRow): Static<typeof SigningKey> {
  return { id, algorithm: 'Ed25519', public_key: publicKey, since: madeAt.toISOString() };
}
