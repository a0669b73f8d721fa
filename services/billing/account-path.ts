/** Whose customers the projects of a domain are, all the way up. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { domainsBelow, findAccount, findAccountOfDomain } from './accounts.store.ts';

/** The domain's account first, the operator's last; none for a domain that belongs to no account. */
export async function accountsAbove(tx: Transaction, domainId: string): Promise<string[]> {
  const path: string[] = [];
  for (let account = await findAccountOfDomain(tx, domainId); account; account = account.parentId === null ? undefined : await findAccount(tx, account.parentId)) path.push(account.id);
  return path;
}

/** Of the account and of all below it. */
export function domainsUnder(tx: Transaction, accountId: string): Promise<string[]> {
  return domainsBelow(tx, accountId);
}
