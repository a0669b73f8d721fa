/** The door at which a region asks whose signature it has before it. */
import { seal } from '../../contract/intercloud/federation/invitations.ts';
import { signers as contract, type SealedSigner } from '../../contract/intercloud/federation/signers.ts';
import { conflict } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import type { Signers } from '../identity/signers.ts';
import { findSealKey } from './regions.store.ts';
import { getOwnRegion } from './regions.ts';

export function signersDoor({ signers }: { signers: Signers }) {
  return implement(contract, {
    async find(request) {
      const sealKey = await request.read(async (tx) => {
        const { name } = await getOwnRegion({ ...request, tx }, request.params.region);
        return (await findSealKey(tx, name))?.sealKey;
      });
      if (!sealKey) throw conflict(`${request.params.region} is home's own region: it asks identity itself`);
      const { access, day, signed_region: region } = request.body;
      const found = await signers.find(access, { day, region, service: 's3' });
      if (!found) return { sealed: null };
      const signer: SealedSigner = { key: found.key.toString('base64url'), token: found.token };
      return { sealed: seal(sealKey, request.random.bytes(12), signer) };
    },
  });
}
