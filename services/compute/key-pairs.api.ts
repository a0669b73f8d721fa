import { keyPairs as contract } from '../../contract/compute/key-pairs.ts';
import { implement } from '../../kit/http/implement.ts';
import { makeCertificate } from './certificates.ts';
import { checkedFingerprint, createKeyPair, deleteKeyPair, getKeyPair, listKeyPairs } from './key-pairs.ts';
import { makeKey } from './ssh-keys.ts';
import type { Compute } from './servers.ts';
import { asPreciseTime } from './words.ts';

export function keyPairsApi({ random }: Pick<Compute, 'random'>) {
  return implement(contract, {
    async list(request) {
      const pairs = await listKeyPairs(request);
      return { keypairs: pairs.map(({ name, type, fingerprint, publicKey }) => ({ keypair: { name, fingerprint, public_key: publicKey, type } })) };
    },
    async show(request) {
      const pair = await getKeyPair(request, request.params.keypair_name);
      return {
        keypair: {
          id: pair.number,
          name: pair.name,
          fingerprint: pair.fingerprint,
          public_key: pair.publicKey,
          user_id: pair.userId,
          created_at: asPreciseTime(pair.createdAt),
          updated_at: null,
          deleted_at: null,
          deleted: false,
          type: pair.type,
        },
      };
    },
    async create(request) {
      const { name, public_key: imported, type = 'ssh' } = request.body.keypair;
      const make = () => (type === 'ssh' ? makeKey() : makeCertificate(request.caller.userId, { now: request.now, serial: random.bytes(8) }));
      // Making a key takes a tenth of a second of a processor: not while a transaction is open.
      const made = imported === undefined ? await make() : { publicKey: imported, fingerprint: checkedFingerprint(type, imported), privateKey: undefined };
      return request.commit(async (tx) => {
        const pair = await createKeyPair({ ...request, tx }, { name, type, ...made });
        return {
          keypair: { name: pair.name, fingerprint: pair.fingerprint, public_key: pair.publicKey, user_id: pair.userId, type, ...(made.privateKey === undefined ? {} : { private_key: made.privateKey }) },
        };
      });
    },
    async delete(request) {
      await deleteKeyPair(request, request.params.keypair_name);
    },
  });
}
