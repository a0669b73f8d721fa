/** How much an account and a container may hold: swift/common/middleware/account_quotas.py, container_quotas.py. */
import { storagePolicy } from '../../contract/object-store/capabilities.ts';
import { badRequest } from '../../kit/fault.ts';
import { getAccount, type AccountContext, type HeaderChanges } from './accounts.ts';
import { usageOf, type Container } from './containers.ts';
import { headerOf, type IncomingHeaders } from './header-text.ts';
import { tooLarge } from './uploads.ts';
import { refusal, type StoreRequest } from './visits.ts';

const accountLimits = ['quota-bytes', 'quota-count', `quota-bytes-policy-${storagePolicy}`, `quota-count-policy-${storagePolicy}`];

/** What is to change of an account's limits, which those who run it may only. */
export function accountLimitChanges({ headers, caller }: Pick<StoreRequest, 'headers' | 'caller'>, { isReseller }: { isReseller: boolean }): HeaderChanges {
  const changes: Record<string, string | null> = {};
  for (const limit of accountLimits) {
    const given = headerOf(headers, `x-account-${limit}`) ?? (limit === 'quota-bytes' ? headerOf(headers, 'x-account-meta-quota-bytes') : undefined);
    const isRemoved = [headerOf(headers, `x-remove-account-${limit}`), limit === 'quota-bytes' ? headerOf(headers, 'x-remove-account-meta-quota-bytes') : undefined].some((value) => value !== undefined && value !== '');
    if (given !== undefined || isRemoved) changes[`x-account-${limit}`] = isRemoved || given === undefined || given === '' ? null : given;
  }
  if (Object.keys(changes).length > 0 && !isReseller) throw refusal(caller);
  if (Object.values(changes).some((value) => value !== null && !/^\d{1,15}$/.test(value))) throw badRequest('');
  return changes;
}

export function checkContainerLimits(headers: IncomingHeaders): void {
  for (const [name, what] of [['bytes', 'bytes'], ['count', 'count']] as const) {
    const given = headerOf(headers, `x-container-meta-quota-${name}`);
    if (given !== undefined && given !== '' && !/^\d{1,15}$/.test(given)) throw badRequest(`Invalid ${what} quota.`);
  }
}

/** Refuses what would be too much with so many bytes more. Those who run accounts are not held to them. */
export async function demandRoom(context: AccountContext, container: Container, bytes: number, { isReseller, account }: { isReseller: boolean; account: Readonly<Record<string, string>> | undefined }): Promise<void> {
  if (!isReseller && account !== undefined && accountLimits.some((limit) => `x-account-${limit}` in account)) {
    const { usage } = await getAccount(context);
    const allowed = (what: 'bytes' | 'count') => Math.min(...[`x-account-quota-${what}`, `x-account-quota-${what}-policy-${storagePolicy}`].map((name) => numberOf(account[name])));
    if (usage.bytes + bytes > allowed('bytes') || usage.objects + 1 > allowed('count')) throw tooLarge('Upload exceeds quota.');
  }
  const { 'x-container-meta-quota-bytes': mostBytes, 'x-container-meta-quota-count': mostObjects } = container.headers;
  if (mostBytes === undefined && mostObjects === undefined) return;
  const usage = await usageOf(context, container);
  if (usage.bytes + bytes > numberOf(mostBytes) || usage.objects + 1 > numberOf(mostObjects)) throw tooLarge('Upload exceeds quota.');
}

function numberOf(limit: string | undefined): number {
  return limit === undefined || !/^\d{1,15}$/.test(limit) ? Infinity : Number(limit);
}
