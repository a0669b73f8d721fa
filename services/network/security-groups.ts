import { conflict, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { mark, tell } from './changes.ts';
import { parentGroup, selectDefaultRules } from './default-security-group-rules.store.ts';
import { byBoolean, byText, standardFilters, standardSorts, tagFilters, type Listing } from './listing.ts';
import { dropLogsOn } from './logs.ts';
import { ownerOf } from './owners.ts';
import { claim, count, release } from './quotas.ts';
import { sharedWithReader } from './rbac-policies.store.ts';
import { newsOfGroup } from './server-news.ts';
import { stopSharing } from './sharing.ts';
import {
  deleteSecurityGroupRow, findDefaultGroup, findSecurityGroup, insertRules, insertSecurityGroup, isGroupOnPort, lockSecurityGroup, rulesNaming, selectSecurityGroups,
  updateSecurityGroupRow, type SecurityGroup,
} from './security-groups.store.ts';

export type { SecurityGroup } from './security-groups.store.ts';

export type SecurityGroupWish = { project_id?: string; tenant_id?: string; name?: string; description?: string; stateful?: boolean };

export const securityGroupListing: Listing = {
  collection: 'security_groups',
  table: sql`network.security_group`,
  filters: {
    ...standardFilters(),
    ...tagFilters,
    name: byText(sql`r.name`),
    stateful: byBoolean(sql`r.stateful`),
    shared: byBoolean(sharedWithReader(sql`r.shared_with`)),
  },
  sorts: { ...standardSorts, name: sql`r.name`, stateful: sql`r.stateful` },
};

export async function getSecurityGroup({ tx }: Pick<Context, 'tx'>, id: string): Promise<SecurityGroup> {
  return (await findSecurityGroup(tx, id)) ?? groupNotThere(id);
}

/** The project's default group; made with its first rules when it is first asked for. */
export async function ensureDefaultGroup(context: Context, projectId: string): Promise<string> {
  const { tx, now, random } = context;
  const known = await findDefaultGroup(tx, projectId);
  if (known !== undefined) return known;
  const id = random.uuid();
  const made = await insertSecurityGroup(tx, { id, project_id: projectId, name: 'default', description: 'Default security group', stateful: true, is_default: true }, now);
  // Somebody else made it just now.
  if (!made) return (await findDefaultGroup(tx, projectId))!;
  // Without its first group a project could make no port: it is counted, and not refused for that.
  await count(tx, projectId, { security_group: 1, security_group_rule: await addFirstRules(context, id, projectId, 'used_in_default_sg') });
  await mark(tx, now, 'security-group', [id]);
  await tell(context, 'security_group', 'create', { id, project_id: projectId }, { name: 'default' });
  return id;
}

export function hasDefaultGroup({ tx }: Pick<Context, 'tx'>, projectId: string): Promise<boolean> {
  return findDefaultGroup(tx, projectId).then((id) => id !== undefined);
}

export async function createSecurityGroup(context: Context, wish: SecurityGroupWish): Promise<SecurityGroup> {
  const { tx, now, random } = context;
  const projectId = ownerOf(context, wish);
  await ensureDefaultGroup(context, projectId);
  if (wish.name === 'default') throw conflict('Default security group already exists.', 'SecurityGroupDefaultAlreadyExists');
  await claim(tx, projectId, { security_group: 1 });
  const id = random.uuid();
  await insertSecurityGroup(
    tx,
    { id, project_id: projectId, name: wish.name ?? '', description: wish.description ?? '', stateful: wish.stateful ?? true, is_default: false },
    now,
  );
  const rules = await addFirstRules(context, id, projectId, 'used_in_non_default_sg');
  // There must be room for them too: neutron/db/securitygroups_db.py, create_security_group.
  if (rules > 0) await claim(tx, projectId, { security_group_rule: rules });
  await mark(tx, now, 'security-group', [id]);
  const group = await getSecurityGroup(context, id);
  await tell(context, 'security_group', 'create', group, { name: group.name });
  return group;
}

export async function updateSecurityGroup(context: Context, id: string, wish: SecurityGroupWish): Promise<SecurityGroup> {
  const { tx, now } = context;
  const before = await lockedGroup(context, id);
  if (before.is_default && wish.name !== undefined && wish.name !== before.name) throw conflict('Updating default security group not allowed.', 'SecurityGroupCannotUpdateDefault');
  if (wish.name === 'default' && !before.is_default) throw conflict('Default security group already exists.', 'SecurityGroupDefaultAlreadyExists');
  if (wish.stateful !== undefined && wish.stateful !== before.stateful && (await isGroupOnPort(tx, id))) throw conflict(`Security Group ${id} in use.`, 'SecurityGroupInUse');
  await updateSecurityGroupRow(tx, { id, name: wish.name ?? before.name, description: wish.description ?? before.description, stateful: wish.stateful ?? before.stateful }, now);
  await mark(tx, now, 'security-group', [id]);
  if (wish.name !== undefined && wish.name !== before.name) await newsOfGroup(context, id);
  const group = await getSecurityGroup(context, id);
  await tell(context, 'security_group', 'update', group);
  return group;
}

export async function deleteSecurityGroup(context: Context, id: string): Promise<void> {
  const { tx, now, caller } = context;
  const group = await lockedGroup(context, id);
  if (await isGroupOnPort(tx, id)) throw conflict(`Security Group ${id} in use.`, 'SecurityGroupInUse');
  if (group.is_default && !caller.isAdmin) throw conflict('Insufficient rights for removing default security group.', 'SecurityGroupCannotRemoveDefault');
  // Rules that let this group's members in go with it; the groups that had them change.
  const naming = await rulesNaming(tx, id);
  for (const rule of naming) await release(tx, rule.project_id, { security_group_rule: 1 });
  await mark(tx, now, 'security-group', naming.map((rule) => rule.security_group_id));
  await release(tx, group.project_id, { security_group: 1, security_group_rule: group.security_group_rules.length });
  await dropLogsOn(context, 'resource_id', [id]);
  await deleteSecurityGroupRow(tx, id);
  await stopSharing(context, id);
  await mark(tx, now, 'security-group', [id]);
  await tell(context, 'security_group', 'delete', group, { name: group.name });
}

/** Ids of groups that the caller may use, by id or, among the project's own, by name. */
export async function resolveGroups(context: Context, projectId: string, idsOrNames: readonly string[]): Promise<string[]> {
  if (idsOrNames.includes('default')) await ensureDefaultGroup(context, projectId);
  const groups = await selectSecurityGroups(
    context.tx,
    sql`r.id = any(${[...idsOrNames]}::text[]) or (r.project_id = ${projectId} and r.name = any(${[...idsOrNames]}::text[])) order by r.created_at, r.id`,
  );
  const ids = idsOrNames.map((wanted) => {
    const byId = groups.find(({ id }) => id === wanted);
    if (byId) return byId.id;
    const named = groups.filter((group) => group.project_id === projectId && group.name === wanted);
    if (named.length > 1) throw conflict(`Multiple security_group matches found for name '${wanted}', use an ID to be more specific.`, 'NoUniqueMatch');
    return named[0]?.id ?? groupNotThere(wanted);
  });
  return [...new Set(ids)];
}

/** The group, held until the end of the transaction: whoever may only use it is refused. */
export async function lockedGroup(context: Context, id: string, rule = 'update_security_group'): Promise<SecurityGroup> {
  const locked = await lockSecurityGroup(context.tx, id);
  if (locked) return locked;
  await getSecurityGroup(context, id);
  throw forbidden(`rule:${rule} is disallowed by policy`, 'PolicyNotAuthorized');
}

export function groupNotThere(id: string): never {
  throw notFound(`Security group ${id} does not exist`, 'SecurityGroupNotFound');
}

/** What the operator wants groups to begin with; resolves to how many rules that are. */
async function addFirstRules({ tx, now, random }: Context, groupId: string, projectId: string, used: 'used_in_default_sg' | 'used_in_non_default_sg'): Promise<number> {
  const templates = await selectDefaultRules(tx, sql`r.${sql.ident(used)} order by r.direction, r.ethertype, r.id`);
  const rules = templates.map(({ used_in_default_sg: _one, used_in_non_default_sg: _other, ...rule }) => ({
    ...rule, id: random.uuid(), project_id: projectId, security_group_id: groupId, remote_group_id: rule.remote_group_id === parentGroup ? groupId : rule.remote_group_id, description: '',
  }));
  await insertRules(tx, rules, now);
  return rules.length;
}
