/** Flavors of network services, for whoever chooses among providers: neutron/db/flavors_db.py. There is one provider. */
import { badRequest, conflict, Fault, notFound } from '../../kit/fault.ts';
import { emit } from '../../kit/events/events.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import type { serviceTypes } from '../../contract/network/flavors.ts';
import { byBoolean, byText, type Listing } from './listing.ts';
import { deleteRow, getRow, insertRow, lockedRow, updateRow, type Noun } from './noun.ts';
import { bindProfile, flavorTable, hasRouterOf, holdFlavor, isProfileBound, profileIdsOf, profileTable, unbindProfile } from './flavors.store.ts';

/** No project's: the operator's. */
type Unowned = { id: string; project_id: '' };
export type Flavor = Unowned & { name: string; description: string | null; service_type: string; enabled: boolean; service_profiles: string[] };
export type ServiceProfile = Unowned & { description: string | null; driver: string; enabled: boolean; metainfo: string };
type FlavorWish = { name?: string; description?: string | null; enabled?: boolean };
type ProfileWish = { description?: string | null; driver?: string; metainfo?: string; enabled?: boolean };

export const providers: readonly { service_type: (typeof serviceTypes)[number]; name: string; default: boolean }[] = [{ service_type: 'L3_ROUTER_NAT', name: 'ovn', default: true }];

export const flavorNoun: Noun<Flavor> = {
  resource: 'flavor',
  table: flavorTable,
  columns: sql`r.id, '' as project_id, r.name, r.description, r.service_type, r.enabled, ${profileIdsOf} as service_profiles`,
  notThere: (id) => notFound(`Flavor ${id} could not be found.`, 'FlavorNotFound'),
};

export const profileNoun: Noun<ServiceProfile> = {
  resource: 'service_profile',
  table: profileTable,
  columns: sql`r.id, '' as project_id, r.description, r.driver, r.enabled, r.metainfo`,
  notThere: (id) => notFound(`Service Profile ${id} could not be found.`, 'ServiceProfileNotFound'),
};

const common = { id: byText(sql`r.id`), description: byText(sql`r.description`), enabled: byBoolean(sql`r.enabled`) };
export const flavorListing: Listing = {
  collection: 'flavors', table: flavorTable, filters: { ...common, name: byText(sql`r.name`), service_type: byText(sql`r.service_type`) }, sorts: { id: sql`r.id`, name: sql`r.name`, service_type: sql`r.service_type`, enabled: sql`r.enabled` },
};
export const profileListing: Listing = { collection: 'service_profiles', table: profileTable, filters: { ...common, driver: byText(sql`r.driver`) }, sorts: { id: sql`r.id`, driver: sql`r.driver`, enabled: sql`r.enabled` } };

export async function createFlavor(context: Context, wish: FlavorWish & { service_type: string }): Promise<Flavor> {
  const id = context.random.uuid();
  await insertRow(context.tx, flavorNoun, { id, name: wish.name ?? '', description: wish.description === undefined ? '' : wish.description, service_type: wish.service_type, enabled: wish.enabled ?? true });
  await tell(context, 'network_flavor', 'create', id);
  return getRow(context, flavorNoun, id);
}

export async function updateFlavor(context: Context, id: string, { name, description, enabled }: FlavorWish): Promise<Flavor> {
  await lockedRow(context, flavorNoun, id, 'update');
  await updateRow(context.tx, flavorNoun, id, { name, description, enabled });
  await tell(context, 'network_flavor', 'update', id);
  return getRow(context, flavorNoun, id);
}

export async function deleteFlavor(context: Context, id: string): Promise<void> {
  await lockedRow(context, flavorNoun, id, 'delete');
  if (await hasRouterOf(context.tx, id)) throw conflict(`Flavor ${id} is used by some service instance.`, 'FlavorInUse');
  await deleteRow(context.tx, flavorNoun, id);
  await tell(context, 'network_flavor', 'delete', id);
}

export async function addProfile(context: Context, flavorId: string, profileId: string): Promise<void> {
  const flavor = await lockedRow(context, flavorNoun, flavorId, 'update');
  await lockedRow(context, profileNoun, profileId, 'update');
  if (flavor.service_profiles.includes(profileId)) throw conflict(`Service Profile ${profileId} is already associated with flavor ${flavorId}.`, 'FlavorServiceProfileBindingExists');
  await bindProfile(context.tx, flavorId, profileId);
  await tell(context, 'network_flavor', 'update', flavorId);
}

export async function removeProfile(context: Context, flavorId: string, profileId: string): Promise<void> {
  await lockedRow(context, flavorNoun, flavorId, 'update');
  if (!(await unbindProfile(context.tx, flavorId, profileId))) throw notFound(`Service Profile ${profileId} is not associated with flavor ${flavorId}.`, 'FlavorServiceProfileBindingNotFound');
  await tell(context, 'network_flavor', 'update', flavorId);
}

/** That there is one to make a router of this flavor, which stays until the end of the transaction: neutron/db/flavors_db.py, get_flavor_next_provider. */
export async function demandProviderOf(context: Context, flavorId: string): Promise<void> {
  await holdFlavor(context.tx, flavorId);
  const [profileId] = (await getRow(context, flavorNoun, flavorId)).service_profiles;
  if (profileId === undefined) throw notFound(`Service Profile  is not associated with flavor ${flavorId}.`, 'FlavorServiceProfileBindingNotFound');
  const profile = await getRow(context, profileNoun, profileId);
  if (!profile.enabled) throw new Fault(503, 'ServiceProfileDisabled', 'Service Profile is not enabled.');
  if (!providers.some(({ name }) => name === profile.driver)) throw driverNotThere(profile.driver);
}

export async function createProfile(context: Context, wish: ProfileWish): Promise<ServiceProfile> {
  const { driver = '', metainfo = '' } = wish;
  if (driver === '' && metainfo === '') throw badRequest('Service Profile needs either a driver or metainfo.', 'ServiceProfileEmpty');
  demandProvider(driver);
  const id = context.random.uuid();
  await insertRow(context.tx, profileNoun, { id, description: wish.description === undefined ? '' : wish.description, driver, metainfo, enabled: wish.enabled ?? true });
  await tell(context, 'service_profile', 'create', id);
  return getRow(context, profileNoun, id);
}

export async function updateProfile(context: Context, id: string, { description, driver, metainfo, enabled }: ProfileWish): Promise<ServiceProfile> {
  demandProvider(driver ?? '');
  await lockedRow(context, profileNoun, id, 'update');
  await demandUnbound(context, id);
  await updateRow(context.tx, profileNoun, id, { description, driver, metainfo, enabled });
  await tell(context, 'service_profile', 'update', id);
  return getRow(context, profileNoun, id);
}

export async function deleteProfile(context: Context, id: string): Promise<void> {
  await lockedRow(context, profileNoun, id, 'delete');
  await demandUnbound(context, id);
  await deleteRow(context.tx, profileNoun, id);
  await tell(context, 'service_profile', 'delete', id);
}

function demandProvider(driver: string): void {
  if (driver !== '' && !providers.some(({ name }) => name === driver)) throw driverNotThere(driver);
}

const driverNotThere = (driver: string) => notFound(`Service Profile driver ${driver} could not be found.`, 'ServiceProfileDriverNotFound');

async function demandUnbound({ tx }: Context, id: string): Promise<void> {
  if (await isProfileBound(tx, id)) throw conflict(`Service Profile ${id} is used by some service instance.`, 'ServiceProfileInUse');
}

function tell({ tx, now, requestId }: Context, resource: string, verb: 'create' | 'update' | 'delete', id: string): Promise<void> {
  return emit(tx, { now: () => now }, { type: `${resource}.${verb}.end`, resource, resourceId: id, requestId, payload: {} });
}
