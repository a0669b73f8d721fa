/** The services in order: each may ask the rules of those above it. */
import { fileURLToPath } from 'node:url';
import type { Migrations } from '../kit/postgres/migrate.ts';
import { makeAdmission, type Admission } from './admission/admission.ts';
import { publicKeys, signingKey } from './admission/signing-keys.ts';
import { makeBilling } from './billing/billing.ts';
import { budgetTermsFor } from './billing/budget-terms.ts';
import { makeBrands, type Brands } from './brand/brand.ts';
import { limitedDomains, listFaces } from './brand/brands.ts';
import { makeBroker, type Broker } from './broker/broker.ts';
import { makeCompute } from './compute/compute.ts';
import { makeFederation, type Federation } from './federation/federation.ts';
import type { StandingOf } from './federation/news.ts';
import { listAllAccessRules } from './identity/directory-news.ts';
import { makeIdentity, type Identity, type IdentityOptions } from './identity/identity.ts';
import { createServiceTokens } from './identity/service-tokens.ts';
import { createSigners, type Signers } from './identity/signers.ts';
import { createVault } from './identity/vault.ts';
import { makeImage } from './image/image.ts';
import { makeMetering, type OpenProvider } from './metering/metering.ts';
import { makeNetwork } from './network/network.ts';
import { makeObjectStore } from './object-store/object-store.ts';
import type { HomeParts, Made, RegionParts } from './parts.ts';
import { makePlacement } from './placement/placement.ts';
import { makeRegionDoor } from './region/region.ts';
import { makeS3 } from './s3/s3.ts';
import { makeVolume } from './volume/volume.ts';

/** What home is handed besides: the region that its own processes serve, and how it reaches all regions. */
export type HomeSurroundings = { first: Pick<RegionParts, 'region' | 'database'>; fetch: typeof fetch; cloudKeys: IdentityOptions['cloudKeys']; /** How another owner's cloud is asked what it has counted. */ openProvider: OpenProvider };

export type Home = { identity: Identity; federation: Federation; brands: Brands; admission: Admission; broker: Broker; signers: Signers; made: readonly Made[] };

export function makeHome(parts: HomeParts, { first, fetch: send, cloudKeys, openProvider }: HomeSurroundings): Home {
  const identity = makeIdentity(parts, { cloudKeys });
  const signers = createSigners({ ...parts, ...identity });
  const federation = makeFederation({ ...parts, first, signers, directory: identity.directory, standing: standingFrom(parts) });
  const { authenticate, directory, tokens } = identity;
  const asking = { ...parts, fetch: send, serviceTokens: createServiceTokens({ ...parts, directory, tokens }) };
  const signed = { ...asking, vault: createVault({ ...parts, cloudKeys }) };
  const admission = makeAdmission(signed);
  const broker = makeBroker({ ...asking, anchor: first.region, authenticate, quarantine: admission.quarantine });
  const brands = makeBrands(parts, { first: first.region });
  const dressed = { ...identity, ...(identity.implementation ? { implementation: brands.dress(identity.implementation) } : {}) };
  const made = [dressed, federation, makeMetering(parts, { signing: (tx) => signingKey(signed, tx), vault: signed.vault, asking: { fetch: send, openProvider, ownKeys: () => publicKeys(signed) } }), makeBilling(parts), brands, admission, broker];
  return { identity, federation, brands, admission, broker, signers, made };
}

/** What a region has to know of services that come after federation. */
const standingFrom = ({ clock }: HomeParts): StandingOf => async (tx, region) => ({
  closed_to: [...(await limitedDomains(tx))].flatMap(([domainId, offered]) => (offered.has(region) ? [] : [domainId])).toSorted(),
  faces: await listFaces(tx),
  access_rules: await listAllAccessRules(tx),
  budgets: await budgetTermsFor(tx, region, clock.now()),
});

/** `signers`: who may sign requests. */
export function makeRegion(parts: RegionParts, { signers }: { signers: Signers }): readonly Made[] {
  return [makePlacement(parts), makeObjectStore(parts), makeS3(parts, { signers }), makeImage(parts), makeVolume(parts), makeNetwork(parts), makeCompute(parts), makeRegionDoor(parts)];
}

export const homeSchemas: readonly Migrations[] = ['identity', 'federation', 'metering', 'billing', 'brand', 'admission', 'broker'].map(schemaOf);

export const regionSchemas: readonly Migrations[] = ['quota', 'home-link', 'placement', 'object-store', 'image', 'volume', 'network', 'compute', 'meter', 'region'].map(schemaOf);

function schemaOf(service: string): Migrations {
  return { service, directory: fileURLToPath(new URL(`./${service}/schema/`, import.meta.url)) };
}
