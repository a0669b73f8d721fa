/** Whose cloud it seems to be, and which regions there are for whom. Of what is not offered to somebody he learns nothing. */
import { emit } from '../../kit/events/events.ts';
import { conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { accountsAbove, domainsUnder } from '../billing/account-path.ts';
import { demandAccount, ownAccount } from '../billing/accounts.ts';
import { standingChannel } from '../federation/news.ts';
import { deleteBrand, findBrand, isAnybodyLimited, limitsOf, listBrands, putBrand, type Brand } from './brands.store.ts';

export type { Brand } from './brands.store.ts';

export async function listVisibleBrands(context: Context): Promise<Brand[]> {
  if (context.caller.isAdmin) return listBrands(context.tx);
  const own = await ownAccount(context);
  return (await listBrands(context.tx)).filter(({ accountId }) => accountId === own.id);
}

/** Of another account it looks as if there were none. */
export async function getBrand(context: Context, accountId: string): Promise<Brand> {
  const found = (await listVisibleBrands(context)).find((each) => each.accountId === accountId);
  if (!found) throw noBrand(accountId);
  return found;
}

export async function replaceBrand(context: Context, brand: Omit<Brand, 'updatedAt'>): Promise<Brand> {
  const { tx, now, requestId } = context;
  await demandAccount(tx, brand.accountId);
  const before = await findBrand(tx, brand.accountId);
  await putBrand(tx, { ...brand, updatedAt: now });
  const kept = (await findBrand(tx, brand.accountId))!;
  const taken = brand.hosts.filter((host) => !kept.hosts.includes(host));
  if (taken.length > 0) throw conflict(`Another account has the host name ${taken.join(', ')}`);
  tx.wake(standingChannel);
  await emit(tx, { now: () => now }, { type: before ? 'brand.update' : 'brand.create', resource: 'brand', resourceId: brand.accountId, requestId, payload: {} });
  return kept;
}

export async function removeBrand({ tx, now, requestId }: Context, accountId: string): Promise<void> {
  if (!(await deleteBrand(tx, accountId))) throw noBrand(accountId);
  tx.wake(standingChannel);
  await emit(tx, { now: () => now }, { type: 'brand.delete', resource: 'brand', resourceId: accountId, requestId, payload: {} });
}

/** Null: all of them. Nobody is offered more than the one above him. */
export async function regionsOffered(tx: Transaction, domainId: string | undefined): Promise<ReadonlySet<string> | null> {
  if (domainId === undefined || !(await isAnybodyLimited(tx))) return null;
  const [first, ...others] = await limitsOf(tx, await accountsAbove(tx, domainId));
  return first ? new Set(first.filter((region) => others.every((limit) => limit.includes(region)))) : null;
}

/** What each domain is offered whose account, or one above it, is limited; all others have all regions. */
export async function limitedDomains(tx: Transaction): Promise<Map<string, ReadonlySet<string>>> {
  const offered = new Map<string, ReadonlySet<string>>();
  for (const { accountId, regions } of await listBrands(tx))
    if (regions !== null) for (const domainId of await domainsUnder(tx, accountId)) offered.set(domainId, new Set(regions.filter((region) => offered.get(domainId)?.has(region) ?? true)));
  return offered;
}

/** Whom to ask for help, by host name. */
export async function listFaces(tx: Transaction): Promise<{ host: string; name: string; support: string }[]> {
  return (await listBrands(tx)).flatMap(({ hosts, name, support }) => hosts.map((host) => ({ host, name, support })));
}

function noBrand(accountId: string) {
  return notFound(`There is no brand of an account ${accountId}`, 'brand-not-found');
}
