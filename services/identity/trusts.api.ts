/** The door of trusts. keystone/api/trusts.py */
import { trusts as contract } from '../../contract/identity/trusts.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { announce } from './announcements.ts';
import type { Context } from './access.ts';
import { implement } from '../../kit/http/implement.ts';
import { extraOf } from './extra.ts';
import { naive } from './moments.ts';
import { pageOf } from './pages.ts';
import { newId, type IdentityParts } from './parts.ts';
import { couldNotFind } from './refusals.ts';
import { roleView } from './roles.api.ts';
import { findRole, type Role } from './roles.store.ts';
import { claimsOf } from './tokens.ts';
import { createTrust, deleteTrust, getTrust, listTrusts, rolesOfTrusts, type Trust } from './trusts.ts';

type Links = { url(path: string): string };

const columns = ['id', 'trustor_user_id', 'trustee_user_id', 'impersonation', 'project_id', 'remaining_uses', 'expires_at', 'allow_redelegation', 'redelegation_count', 'roles', 'deleted_at', 'redelegated_trust_id', 'links', 'roles_links'];

export function trustsDoor(parts: IdentityParts) {
  const { tokens, directory } = parts;

  async function roleOf(request: Context & { params: { trust_id: string; role_id: string } }): Promise<Role> {
    const { trust_id: trustId, role_id: roleId } = request.params;
    const trust = await getTrust(request, claimsOf(tokens, request.caller), trustId, 'identity:get_role_for_trust');
    const role = trust.roleIds.includes(roleId) ? await findRole(request.tx, roleId) : undefined;
    if (!role) throw couldNotFind('role', roleId);
    return role;
  }

  return implement(contract, {
    async list(request) {
      const { items, rest } = pageOf(request, await listTrusts(request, claimsOf(tokens, request.caller), request.query));
      return { trusts: items.map((trust) => trustView(trust, request)), ...rest };
    },
    async create(request) {
      const { trustor_user_id: trustorId, trustee_user_id: trusteeId, impersonation, project_id: projectId, remaining_uses: remainingUses, expires_at: expiresAt, allow_redelegation: allow, redelegation_count: count, roles } = request.body.trust;
      const trust = await createTrust(request, claimsOf(tokens, request.caller), {
        id: newId(parts),
        trustorId,
        trusteeId,
        impersonation,
        projectId: projectId ?? null,
        remainingUses: remainingUses ?? null,
        expiresAt: expiresAt == null ? null : naive(expiresAt),
        allowRedelegation: allow ?? false,
        redelegationCount: count ?? undefined,
        roles: roles ?? [],
        extra: extraOf(request.body.trust, columns),
      });
      await announce(request, 'OS-TRUST:trust', 'created', trust.id);
      return { trust: await wholeView(request.tx, trust, request) };
    },
    async show(request) {
      return { trust: await wholeView(request.tx, await getTrust(request, claimsOf(tokens, request.caller), request.params.trust_id), request) };
    },
    async delete(request) {
      const ended = await deleteTrust(request, claimsOf(tokens, request.caller), request.params.trust_id);
      await directory.revoke(request.tx, ended.map((id) => `trust:${id}`), request.now);
      for (const id of ended) await announce(request, 'OS-TRUST:trust', 'deleted', id);
    },
    async listRoles(request) {
      const trust = await getTrust(request, claimsOf(tokens, request.caller), request.params.trust_id, 'identity:list_roles_for_trust');
      const { roles, roles_links: links } = await wholeView(request.tx, trust, request);
      return { roles, links };
    },
    async checkRole(request) {
      await roleOf(request);
    },
    async showRole(request) {
      return { role: roleView(await roleOf(request), request) };
    },
  });
}

async function wholeView(tx: Transaction, trust: Trust, links: Links) {
  const known = await rolesOfTrusts(tx, [trust]);
  return {
    ...trustView(trust, links),
    roles: trust.roleIds.flatMap((id) => known.get(id) ?? []).map((role) => roleView(role, links)),
    roles_links: { self: links.url(`/OS-TRUST/trusts/${trust.id}/roles`), next: null, previous: null },
  };
}

function trustView({ id, trustorId, trusteeId, projectId, impersonation, expiresAt, remainingUses, redelegatedTrustId, redelegationCount, extra }: Trust, { url }: Links) {
  return {
    ...extra,
    id,
    trustor_user_id: trustorId,
    trustee_user_id: trusteeId,
    project_id: projectId,
    impersonation,
    expires_at: expiresAt === null ? null : `${expiresAt}Z`,
    deleted_at: null,
    remaining_uses: remainingUses,
    redelegated_trust_id: redelegatedTrustId,
    redelegation_count: redelegationCount,
    links: { self: url(`/OS-TRUST/trusts/${id}`) },
  };
}
