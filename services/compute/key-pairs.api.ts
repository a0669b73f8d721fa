import { keyPairs as contract } from '../../contract/compute/key-pairs.ts';
import { badRequest } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { makeCertificate } from './certificates.ts';
import { checkedFingerprint, createKeyPair, deleteKeyPair, getKeyPair, listKeyPairs, ownerOf } from './key-pairs.ts';
import { cut, nextLinks } from './lists.ts';
import { makeKey } from './ssh-keys.ts';
import type { Compute } from './servers.ts';
import { asPreciseTime } from './words.ts';

export function keyPairsApi({ random }: Pick<Compute, 'random'>) {
  return implement(contract, {
    async list(request) {
      const { user_id: userId, limit, marker } = request.query;
      const pairs = await listKeyPairs(request, userId);
      if (marker !== undefined && !pairs.some(({ name }) => name === marker)) throw badRequest(`marker [${marker}] not found`);
      const { page, next } = cut(pairs.map((pair) => ({ ...pair, id: pair.name })), { limit, marker });
      const links = nextLinks(next && request.page({ marker: next }));
      return { keypairs: page.map(({ name, type, fingerprint, publicKey }) => ({ keypair: { name, fingerprint, public_key: publicKey, type } })), ...(links ? { keypairs_links: links } : {}) };
    },
    async show(request) {
      const pair = await getKeyPair(request, request.params.keypair_name, request.query.user_id);
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
      const { name, public_key: imported, type = 'ssh', user_id: userId, generate } = request.body.keypair;
      if (imported === undefined && generate !== true) throw badRequest("Invalid input for field/attribute keypair. 'public_key' is a required property");
      const owner = ownerOf(request, 'create', userId);
      const make = () => (type === 'ssh' ? makeKey() : makeCertificate(owner, { now: request.now, serial: random.bytes(8) }));
      // Making a key takes a tenth of a second of a processor: not while a transaction is open.
      const made = imported === undefined ? await make() : { publicKey: imported, fingerprint: checkedFingerprint(type, imported), privateKey: undefined };
      return request.commit(async (tx) => {
        const pair = await createKeyPair({ ...request, tx }, { userId: owner, name, type, ...made });
        return {
          keypair: { name: pair.name, fingerprint: pair.fingerprint, public_key: pair.publicKey, user_id: pair.userId, type, ...(made.privateKey === undefined ? {} : { private_key: made.privateKey }) },
        };
      });
    },
    async delete(request) {
      await deleteKeyPair(request, request.params.keypair_name, request.query.user_id);
    },
  });
}
