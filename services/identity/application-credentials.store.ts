/** The only file that names the tables of application credentials. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type ApplicationCredential = {
  id: string;
  userId: string;
  projectId: string;
  name: string;
  description: string | null;
  unrestricted: boolean;
  /** UTC with six digits and no zone, as keystone stores and shows it: a `Date` would lose three of them. */
  expiresAt: string | null;
  roles: { id: string; name: string; domain_id: string | null }[];
};

const columns = sql`c.id, c.user_id as "userId", c.project_id as "projectId", c.name, c.description, c.unrestricted, to_char(c.expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US') as "expiresAt",
  coalesce((
    select jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name, 'domain_id', r.domain_id) order by r.name)
    from identity.application_credential_role cr join identity.role r on r.id = cr.role_id where cr.application_credential_id = c.id
  ), '[]') as roles`;

export function findApplicationCredential(tx: Transaction, id: string): Promise<ApplicationCredential | undefined> {
  return tx.one<ApplicationCredential>`select ${columns} from identity.application_credential c where c.id = ${id}`;
}

export function findApplicationCredentialByName(tx: Transaction, userId: string, name: string): Promise<ApplicationCredential | undefined> {
  return tx.one<ApplicationCredential>`select ${columns} from identity.application_credential c where c.user_id = ${userId} and c.name = ${name}`;
}

/** Apart from the credential, so that it travels nowhere by accident. */
export async function findSecretHash(tx: Transaction, id: string): Promise<string | null> {
  const row = await tx.one<{ hash: string }>`select secret_hash as hash from identity.application_credential where id = ${id}`;
  return row?.hash ?? null;
}

export function listApplicationCredentials(tx: Transaction, userId: string, conditions: readonly Sql[], most: number): Promise<ApplicationCredential[]> {
  return tx.rows<ApplicationCredential>`
    select ${columns} from identity.application_credential c where user_id = ${userId} and ${sql.and(conditions)} order by id limit ${most}`;
}

export async function insertApplicationCredential(tx: Transaction, credential: ApplicationCredential, secretHash: string): Promise<void> {
  const { id, userId, projectId, name, description, unrestricted, expiresAt, roles } = credential;
  await tx.run`
    insert into identity.application_credential (id, user_id, project_id, name, description, secret_hash, unrestricted, expires_at)
    values (${id}, ${userId}, ${projectId}, ${name}, ${description}, ${secretHash}, ${unrestricted}, ${expiresAt}::timestamp at time zone 'utc')`;
  await tx.run`
    insert into identity.application_credential_role (application_credential_id, role_id)
    select ${id}, role_id from unnest(${roles.map((role) => role.id)}::text[]) role_id`;
}

export async function deleteApplicationCredential(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from identity.application_credential where id = ${id}`;
}

/** keystone/application_credential/core.py: whoever loses a role in a project loses the credentials for it. */
export async function deleteApplicationCredentialsIn(tx: Transaction, projectId: string, userIds: readonly string[]): Promise<void> {
  tx.queue(sql`delete from identity.application_credential where project_id = ${projectId} and user_id = any(${userIds}::text[])`);
}

/** Whether the user whose it is may log in. */
export async function isOfEnabledUser(tx: Transaction, id: string): Promise<boolean> {
  const found = await tx.one`
    select 1 from identity.application_credential c join identity."user" u on u.id = c.user_id join identity.domain d on d.id = u.domain_id
    where c.id = ${id} and u.enabled and d.enabled`;
  return found !== undefined;
}

/** Credentials for a project in which their maker has no role, by themselves or through a group. */
export function listGroundlessCredentials(tx: Transaction): Promise<{ id: string; userId: string }[]> {
  return tx.rows<{ id: string; userId: string }>`
    select c.id, c.user_id as "userId" from identity.application_credential c
    where not exists (
      select from identity.role_grant g
      where (g.project_id = c.project_id and not g.inherited
          or g.inherited and (g.domain_id = (select domain_id from identity.project where id = c.project_id) or g.project_id in (
            with recursive line as (
              select parent_id from identity.project where id = c.project_id
              union all
              select p.parent_id from identity.project p join line on p.id = line.parent_id
            )
            select parent_id from line)))
        and (g.user_id = c.user_id or g.group_id in (select group_id from identity.membership m where m.user_id = c.user_id))
    )
    order by 1 limit 100`;
}
