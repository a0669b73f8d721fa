import { badRequest, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Sql } from '../../kit/postgres/database.ts';
import { tell } from './changes.ts';
import { getFloatingIp } from './floating-ips.ts';
import { getNetwork } from './networks.ts';
import { getPort } from './ports.ts';
import { getRouter } from './routers.ts';
import { getSecurityGroup } from './security-groups.ts';
import { getSubnet } from './subnets.ts';

export type Taggable = 'network' | 'subnet' | 'port' | 'router' | 'floatingip' | 'security_group';

/** neutron/extensions/tagging.py: MAX_TAGS_COUNT. */
const most = 50;

const kinds: Record<Taggable, { table: Sql; get(context: Context, id: string): Promise<{ id: string; project_id: string; tags: string[] }> }> = {
  network: { table: sql`network.network`, get: getNetwork },
  subnet: { table: sql`network.subnet`, get: getSubnet },
  port: { table: sql`network.port`, get: getPort },
  router: { table: sql`network.router`, get: getRouter },
  floatingip: { table: sql`network.floating_ip`, get: getFloatingIp },
  security_group: { table: sql`network.security_group`, get: getSecurityGroup },
};

export async function listTags(context: Context, resource: Taggable, id: string): Promise<string[]> {
  return (await kinds[resource].get(context, id)).tags;
}

export function replaceTags(context: Context, resource: Taggable, id: string, tags: string[]): Promise<string[]> {
  return change(context, resource, id, () => tags);
}

export async function clearTags(context: Context, resource: Taggable, id: string): Promise<void> {
  await change(context, resource, id, () => []);
}

export async function demandTag(context: Context, resource: Taggable, id: string, tag: string): Promise<void> {
  if (!(await listTags(context, resource, id)).includes(tag)) throw tagNotFound(tag);
}

export async function addTag(context: Context, resource: Taggable, id: string, tag: string): Promise<void> {
  await change(context, resource, id, (before) => (before.includes(tag) ? before : [...before, tag]));
}

export async function removeTag(context: Context, resource: Taggable, id: string, tag: string): Promise<void> {
  await change(context, resource, id, (before) => {
    if (!before.includes(tag)) throw tagNotFound(tag);
    return before.filter((each) => each !== tag);
  });
}

const tagNotFound = (tag: string) => notFound(`Tag ${tag} could not be found.`, 'TagNotFound');

async function change(context: Context, resource: Taggable, id: string, to: (before: string[]) => string[]): Promise<string[]> {
  const { tx, now } = context;
  const { table, get } = kinds[resource];
  await get(context, id);
  const held = await tx.one<{ tags: string[]; project_id: string }>(sql`select tags, project_id from ${table} where id = ${id} for update`);
  // Others' objects that may be seen (shared networks) are not to be written on (ATTACKS 31).
  if (!held) throw forbidden(`rule:update_${resource}:tags is disallowed by policy`, 'PolicyNotAuthorized');
  const tags = to(held.tags).toSorted();
  if (tags.length > most) throw badRequest(`Invalid input for operation: The number of tags exceed the per-resource limit of ${most}.`, 'InvalidInput');
  await tx.run(sql`update ${table} set tags = ${tags}::text[], revision_number = revision_number + 1, updated_at = ${now} where id = ${id}`);
  await tell(context, resource, 'update', { id, project_id: held.project_id });
  return tags;
}
