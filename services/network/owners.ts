/** Whose a new resource becomes, and which attributes only administrators may give. */
import { badRequest, forbidden } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';

export function ownerOf({ caller }: Pick<Context, 'caller'>, wish: { project_id?: string; tenant_id?: string }): string {
  if (wish.project_id !== undefined && wish.tenant_id !== undefined && wish.project_id !== wish.tenant_id)
    throw badRequest("'project_id' and 'tenant_id' do not match", 'HTTPBadRequest');
  const wanted = wish.project_id ?? wish.tenant_id ?? caller.projectId ?? '';
  if (wanted === '') throw badRequest("Running without keystone AuthN requires that tenant_id is specified", 'HTTPBadRequest');
  // neutron/api/v2/attributes.py: to make something for another project needs the right to.
  if (wanted !== caller.projectId && !caller.isAdmin) throw badRequest("Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin privileges", 'HTTPBadRequest');
  return wanted;
}

/** Refuses as oslo.policy does when one of these attributes is wished for. */
export function demandAdmin({ caller }: Pick<Context, 'caller'>, rule: string, wish: object, attributes: readonly string[]): void {
  if (caller.isAdmin) return;
  const given = attributes.find((name) => (wish as Record<string, unknown>)[name] !== undefined);
  if (given !== undefined) throw notAllowed(rule, given);
}

export const notAllowed = (rule: string, attribute: string) => forbidden(`(rule:${rule} and rule:${rule}:${attribute}) is disallowed by policy`, 'PolicyNotAuthorized');
