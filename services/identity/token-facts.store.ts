/** What a token is shown with beside its own claims, in one statement: it is asked for with every token. */
import type { Transaction } from '../../kit/postgres/database.ts';
import type { CatalogState } from './catalog.store.ts';

export type TokenFacts = CatalogState & {
  /** Null where the user or domain is gone since. */
  passwordExpiresAt: string | null;
  userDomain: string | null;
  scopeDomain: string | null;
};

export async function findTokenFacts(tx: Transaction, { userId, userDomainId, scopeDomainId, projectId }: { userId: string; userDomainId: string; scopeDomainId: string | null; projectId: string | null }): Promise<TokenFacts> {
  const facts = await tx.one<TokenFacts>`
    select
      (select to_char(password_expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US') from identity."user" where id = ${userId}) as "passwordExpiresAt",
      (select name from identity.domain where id = ${userDomainId}) as "userDomain",
      (select name from identity.domain where id = ${scopeDomainId}) as "scopeDomain",
      (select count::float8 from identity.catalog_change) as changes,
      exists (select from identity.project_endpoint where project_id = ${projectId})
        or exists (select from identity.project_endpoint_group where project_id = ${projectId}) as "isOwn"`;
  return facts!;
}
