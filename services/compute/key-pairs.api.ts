import { keyPairs as contract } from '../../contract/compute/key-pairs.ts';
import { badRequest } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { checkedFingerprint, createKeyPair, deleteKeyPair, getKeyPair, listKeyPairs } from './key-pairs.ts';
import { makeKey } from './ssh-keys.ts';
import { asPreciseTime } from './words.ts';

export const keyPairs = implement(contract, {
  async list(request) {
    const pairs = await listKeyPairs(request);
    return { keypairs: pairs.map(({ name, fingerprint, publicKey }) => ({ keypair: { name, fingerprint, public_key: publicKey, type: 'ssh' } })) };
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
        type: 'ssh',
      },
    };
  },
  async create(request) {
    const { name, public_key: imported, type = 'ssh' } = request.body.keypair;
    if (type !== 'ssh') throw badRequest('Key pairs of type x509 are not offered here: import an ssh public key.');
    // Making a key takes a tenth of a second of a processor: not while a transaction is open.
    const made = imported === undefined ? await makeKey() : { publicKey: imported, fingerprint: checkedFingerprint(imported), privateKey: undefined };
    return request.commit(async (tx) => {
      const pair = await createKeyPair({ ...request, tx }, { name, ...made });
      return {
        keypair: { name: pair.name, fingerprint: pair.fingerprint, public_key: pair.publicKey, user_id: pair.userId, type: 'ssh', ...(made.privateKey === undefined ? {} : { private_key: made.privateKey }) },
      };
    });
  },
  async delete(request) {
    await deleteKeyPair(request, request.params.keypair_name);
  },
});
