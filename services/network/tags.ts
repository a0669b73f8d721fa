import { badRequest, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { tell } from './changes.ts';
import { getFloatingIp } from './floating-ips.ts';
import { getNetwork } from './networks.ts';
import { getPort } from './ports.ts';
import { getRouter } from './routers.ts';
import { getSecurityGroup } from './security-groups.ts';
import { getSubnetPool } from './subnet-pools.ts';
import { getShownSubnet } from './subnets.ts';
import { getRow } from './noun.ts';
import { lockTags, setTags, type Taggable } from './tags.store.ts';

import { qosPolicyNoun } from './qos-policies.ts';
import { trunkNoun } from './trunks.ts';

export type { Taggable } from './tags.store.ts';

/** neutron/extensions/tagging.py: MAX_TAGS_COUNT. */
const most = 50;

const getters: Record<Taggable, (context: Context, id: string) => Promise<{ tags: string[] }>> = {
  network: getNetwork,
  subnet: getShownSubnet,
  port: getPort,
  router: getRouter,
  floatingip: getFloatingIp,
  security_group: getSecurityGroup,
  subnetpool: getSubnetPool,
  trunk: (context, id) => getRow(context, trunkNoun, id),
  qos_policy: (context, id) => getRow(context, qosPolicyNoun, id),
};

export async function listTags(context: Context, resource: Taggable, id: string): Promise<string[]> {
  return (await getters[resource](context, id)).tags;
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

/** Those that are there already stay once. */
export async function addTags(context: Context, resource: Taggable, id: string, tags: readonly string[]): Promise<void> {
  await change(context, resource, id, (before) => [...new Set([...before, ...tags])]);
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
  await getters[resource](context, id);
  const held = await lockTags(tx, resource, id);
  // Others' objects that may be seen (shared networks) are not to be written on (ATTACKS 31).
  if (!held) throw forbidden(`rule:update_${resource}:tags is disallowed by policy`, 'PolicyNotAuthorized');
  const tags = to(held.tags).toSorted();
  if (tags.length > most) throw badRequest(`Invalid input for operation: The number of tags exceed the per-resource limit of ${most}.`, 'InvalidInput');
  await setTags(tx, resource, id, tags, now);
  await tell(context, resource, 'update', { id, project_id: held.project_id });
  return tags;
}
