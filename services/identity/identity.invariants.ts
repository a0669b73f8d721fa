/** What `doctor` checks of identity. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { Unsealable } from '../../kit/sealing.ts';
import type { Finding, HomeParts, Invariant } from '../parts.ts';
import { listGroundlessCredentials } from './application-credentials.store.ts';
import { idOfAccessKey } from './credentials.ts';
import { listEnabledBelowDisabled } from './projects.store.ts';
import type { Vault } from './vault.ts';
import { listSealed, sealedTables } from './vault.store.ts';

const deleteIt = (path: string) => `It gives no rights; delete it by DELETE /v3/${path}`;
const fromBackup = 'The database refuses this, so it was changed behind its back: compare with a backup';

export function identityInvariants({ database, vault }: Pick<HomeParts, 'database'> & { vault: Vault }): Invariant[] {
  const reading = (id: string, title: string, check: (tx: Transaction) => Promise<Finding[]>): Invariant => ({ id, title, check: () => database.read({ kind: 'system', reason: `doctor: ${id}` }, check) });
  return [
    reading('identity.hierarchy', 'no project is enabled below a disabled one', async (tx) =>
      (await listEnabledBelowDisabled(tx)).map((id) => ({ message: `The project ${id} is enabled and its parent is not`, remedy: `openstack project set --disable ${id}` })),
    ),
    reading('identity.delegation', 'no application credential outlives the last role of its maker in the project', async (tx) =>
      (await listGroundlessCredentials(tx)).map(({ id, userId }) => ({
        message: `The application credential ${id} of ${userId} is for a project in which they have no role`,
        remedy: deleteIt('users/<user>/application_credentials/<id>'),
      })),
    ),
    reading('identity.assignments', 'every role is assigned to somebody who is there, in a place that is there, and a domain’s role only in that domain', async (tx) => [
      ...(await found(tx, sql`
        select format('The role %s is assigned to %s in %s, and one of them is not there', g.role_id, coalesce(g.user_id, g.group_id), coalesce(g.project_id, g.domain_id, 'the system')) as message
        from identity.role_grant g left join identity.role r on r.id = g.role_id
          left join identity."user" u on u.id = g.user_id left join identity."group" gr on gr.id = g.group_id
          left join identity.project p on p.id = g.project_id left join identity.domain d on d.id = g.domain_id
        where r.id is null or coalesce(u.id, gr.id) is null or num_nonnulls(p.id, d.id) <> num_nonnulls(g.project_id, g.domain_id)`, fromBackup)),
      ...(await found(tx, sql`
        select format('The role %s of the domain %s is assigned in %s, which is not there', r.id, r.domain_id, coalesce(g.project_id, g.domain_id, 'the system')) as message
        from identity.role_grant g join identity.role r on r.id = g.role_id left join identity.project p on p.id = g.project_id
        where r.domain_id is not null and coalesce(p.domain_id, g.domain_id) is distinct from r.domain_id`, 'openstack role remove, of that role there')),
    ]),
    reading('identity.trusts', 'every trust is between users who are there, and no trust gives more than the one that it was handed on from', async (tx) => [
      ...(await found(tx, sql`
        select format('The trust %s is of %s for %s, and one of them is not there', t.id, t.trustor_id, t.trustee_id) as message
        from identity.trust t left join identity."user" one on one.id = t.trustor_id left join identity."user" other on other.id = t.trustee_id left join identity.project p on p.id = t.project_id
        where one.id is null or other.id is null or t.project_id is not null and p.id is null`, fromBackup)),
      ...(await found(tx, sql`
        select format('The trust %s gives more than %s, which it was handed on from', t.id, p.id) as message
        from identity.trust t join identity.trust p on p.id = t.redelegated_trust_id
        where t.project_id is distinct from p.project_id or t.impersonation and not p.impersonation or t.redelegation_count >= p.redelegation_count
          or p.expires_at is not null and coalesce(t.expires_at, 'infinity') > p.expires_at
          or exists (select role_id from identity.trust_role where trust_id = t.id except select role_id from identity.trust_role where trust_id = p.id)`, 'Delete it by DELETE /v3/OS-TRUST/trusts/<id>, and report it: it may not have been made')),
    ]),
    reading('identity.access-rules', 'every access rule of an application credential is its user’s', (tx) =>
      found(tx, sql`
        select format('The application credential %s of %s has the access rule %s of %s', c.id, c.user_id, r.id, r.user_id) as message
        from identity.application_credential_access_rule cr join identity.application_credential c on c.id = cr.application_credential_id join identity.access_rule r on r.id = cr.access_rule_id
        where r.user_id <> c.user_id`, 'Delete the credential by DELETE /v3/users/<user>/application_credentials/<id>, and report it'),
    ),
    reading('identity.keys', 'every key for signing has a project, and is found by its access key', async (tx) => {
      const wrong: Finding[] = [];
      for (const { id, sealed, projectId } of await tx.rows<{ id: string; sealed: Buffer; projectId: string | null }>`select id, sealed, project_id as "projectId" from identity.credential where lower(type) = 'ec2'`) {
        const access = accessOf(await opened(vault.open(tx, 'credential', id, sealed)));
        // What cannot be opened is said below.
        if (access !== undefined && (projectId === null || idOfAccessKey(access) !== id)) wrong.push({ message: `The key for signing ${id} has ${projectId === null ? 'no project' : 'another access key than its id says'}`, remedy: deleteIt('credentials/<id>') });
      }
      return wrong;
    }),
    reading('identity.seals', 'every secret that lies sealed can be opened', async (tx) => {
      const wrong: Finding[] = [];
      for (const table of sealedTables)
        for (const { id, sealed } of await listSealed(tx, table))
          if ((await opened(vault.open(tx, table, id, sealed))) === undefined) wrong.push({ message: `The ${table.replaceAll('_', ' ')} ${id} cannot be opened`, remedy: 'The key of the cloud that it was sealed by is missing: put it back into secrets/cloud-keys (docs/keys.md)' });
      return wrong;
    }),
  ];
}

async function found(tx: Transaction, wrong: Sql, remedy: string): Promise<Finding[]> {
  return (await tx.rows<{ message: string }>(wrong)).map(({ message }) => ({ message, remedy }));
}

/** Undefined: by none of the keys that there are. */
async function opened(opening: Promise<string>): Promise<string | undefined> {
  try {
    return await opening;
  } catch (error) {
    if (error instanceof Unsealable) return undefined;
    throw error;
  }
}

function accessOf(blob: string | undefined): string | undefined {
  const parsed: unknown = blob === undefined ? undefined : JSON.parse(blob);
  const access = typeof parsed === 'object' && parsed !== null && 'access' in parsed ? parsed.access : undefined;
  return typeof access === 'string' ? access : undefined;
}
