import { sql, type Transaction } from '../../kit/postgres/database.ts';

export const flavorTable = sql`network.flavor`;
export const profileTable = sql`network.service_profile`;
export const profileIdsOf = sql`array(select b.service_profile_id from network.flavor_service_profile b where b.flavor_id = r.id order by 1)`;

export async function bindProfile(tx: Transaction, flavorId: string, profileId: string): Promise<void> {
  await tx.run`insert into network.flavor_service_profile (flavor_id, service_profile_id) values (${flavorId}, ${profileId})`;
}

/** False when it was not bound. */
export async function unbindProfile(tx: Transaction, flavorId: string, profileId: string): Promise<boolean> {
  return (await tx.run`delete from network.flavor_service_profile where flavor_id = ${flavorId} and service_profile_id = ${profileId}`) === 1;
}

export async function isProfileBound(tx: Transaction, profileId: string): Promise<boolean> {
  return (await tx.one`select 1 from network.flavor_service_profile where service_profile_id = ${profileId} limit 1`) !== undefined;
}

/** Until the end of the transaction it is not deleted. */
export async function holdFlavor(tx: Transaction, id: string): Promise<void> {
  await tx.run`select from network.flavor where id = ${id} for key share`;
}

export async function hasRouterOf(tx: Transaction, flavorId: string): Promise<boolean> {
  return (await tx.one<{ there: boolean }>`select network.has_router_of(${flavorId}) as there`)?.there === true;
}
