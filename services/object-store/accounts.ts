/** Accounts: one a project, there as soon as something is kept of it. */
import type { Context } from '../../kit/http/implement.ts';
import { insertAccount, mergeAccountHeaders, selectAccount, selectAccountUsage, type AccountUsage, type Headers } from './accounts.store.ts';

export type { AccountUsage, Headers } from './accounts.store.ts';

/** A call about one account, whoever makes it: the transaction is in the account's scope and touches nothing else. */
export type AccountContext = Context & { readonly projectId: string };

export type Account = { headers: Headers; createdAt: Date; exists: boolean; usage: AccountUsage };

/** What to change of headers: null takes one away. */
export type HeaderChanges = Readonly<Record<string, string | null>>;

/** Empty where nothing is kept of it. */
export async function getAccount({ tx, projectId, now }: AccountContext): Promise<Account> {
  const [row, usage] = await Promise.all([selectAccount(tx, projectId), selectAccountUsage(tx, projectId)]);
  return { headers: row?.headers ?? {}, createdAt: row?.createdAt ?? now, exists: row !== undefined, usage };
}

export async function updateAccount(context: AccountContext, changes: HeaderChanges): Promise<void> {
  await ensureAccount(context);
  await mergeAccountHeaders(context.tx, context.projectId, changes, context.now);
}

/** Notes the domain of its project, by which names in access lists are understood, where its own people make it. */
export async function ensureAccount({ tx, projectId, now, caller }: AccountContext): Promise<void> {
  await insertAccount(tx, projectId, now, caller.projectId === projectId && caller.projectDomainId !== null ? { 'x-account-project-domain-id': caller.projectDomainId } : {});
}
