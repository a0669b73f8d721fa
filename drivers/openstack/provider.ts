/** A partner's cloud as one that has counted what we use: asked by whoever pays for it, and not by the region's agent. */
import type { Client } from '../../contract/client.ts';
import { admission } from '../../contract/intercloud/admission.ts';
import { metering } from '../../contract/intercloud/metering.ts';
import type { Clock } from '../../kit/clock.ts';
import { openPartner, type Services } from './partner.ts';

type Access = { authUrl: string; region: string; domainId: string; user: string; userDomain: string; project: { name: string; domain: string } | null; password: string };

export type ProviderCloud = {
  metering(): Promise<Client<typeof metering> | undefined>;
  keys(): Promise<{ id: string; public_key: string }[]>;
  project(id: string): Promise<Pick<Services, 'compute' | 'volume'>>;
};

const mostKeys = 16;

export function openProvider({ authUrl, region, domainId, user, userDomain, project, password }: Access, { fetch: send, clock }: { fetch: typeof fetch; clock: Clock }): ProviderCloud {
  const credential = { kind: 'password' as const, user, password, ...(project ? { project } : {}) };
  // Who does not answer is asked again when it is time again.
  const partner = openPartner({ authUrl, region, domainId, userDomain, credential, clock, fetch: send, attempts: 1 });
  return {
    metering: async () => (await partner.own()).other(metering),
    async keys() {
      const keys = await (await partner.own()).other(admission)?.keys.list();
      return (keys?.body.keys ?? []).slice(0, mostKeys).map(({ id, public_key }) => ({ id, public_key }));
    },
    project: (id) => partner.in(id),
  };
}
