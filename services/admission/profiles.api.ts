import type { Static } from 'typebox';
import { profiles as contract, type Profile } from '../../contract/intercloud/admission/profiles.ts';
import { implement } from '../../kit/http/implement.ts';
import type { Signed } from '../../kit/signed.ts';
import { askForProbe, getProfile, listSigned, suspendProbes } from './profiles.ts';

export const profiles = implement(contract, {
  list: async ({ tx }) => ({ profiles: (await listSigned(tx)).map(shown) }),
  async show({ tx, params }) {
    const { signed, differences } = await getProfile(tx, params.region);
    return { profile: shown(signed), differences };
  },
  probe: ({ tx, params, now }) => askForProbe(tx, params.region, now),
  suspend: ({ tx, params, now }) => suspendProbes(tx, params.region, now),
});

/** The signature is over exactly this. */
function shown(signed: Signed): Static<typeof Profile> {
  return signed as unknown as Static<typeof Profile>;
}
