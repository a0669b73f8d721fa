/** Telling other parts of the cloud what became of users, projects and roles, in keystone's words. */
import { emit } from '../../kit/events/events.ts';
import type { Context } from '../../kit/http/implement.ts';

export async function announce({ tx, now, requestId }: Pick<Context, 'tx' | 'now' | 'requestId'>, resource: string, what: 'created' | 'updated' | 'deleted', id: string, of: Record<string, string> = {}): Promise<void> {
  // keystone/notifications.py: the event names the resource and carries its id, nothing else; `of` is what it is a part of.
  await emit(tx, { now: () => now }, { type: `identity.${resource}.${what}`, resource, resourceId: id, requestId, payload: { resource_info: id, ...of } });
}
