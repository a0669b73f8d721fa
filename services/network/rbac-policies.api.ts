import { rbacPolicies as contract } from '../../contract/network/rbac-policies.ts';
import { implement } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { chosen, listAnswer, pageOf } from './listing.ts';
import { createRbacPolicy, deleteRbacPolicy, getRbacPolicy, rbacPolicyListing, updateRbacPolicy, visiblePolicies, type RbacPolicy } from './rbac-policies.ts';
import { selectRbacPolicies } from './rbac-policies.store.ts';

export const rbacPolicies = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, rbacPolicyListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'rbac_policies', page, await selectRbacPolicies(request.tx, sql`${visiblePolicies(request)} and ${page.tail}`), shown);
  },
  async create(request) {
    if (request.body.rbac_policy) return { rbac_policy: shown(await createRbacPolicy(request, request.body.rbac_policy)) };
    const made: RbacPolicy[] = [];
    for (const wish of request.body.rbac_policies ?? []) made.push(await createRbacPolicy(request, wish));
    return { rbac_policies: made.map(shown) };
  },
  show: async (request) => ({ rbac_policy: chosen(shown(await getRbacPolicy(request, request.params.policy_id)), request.query.fields) }),
  update: async (request) => ({ rbac_policy: shown(await updateRbacPolicy(request, request.params.policy_id, request.body.rbac_policy)) }),
  async delete(request) {
    await deleteRbacPolicy(request, request.params.policy_id);
    return undefined;
  },
});

const shown = ({ counted: _counted, maker_project_id, ...policy }: RbacPolicy) => ({ ...policy, project_id: maker_project_id, tenant_id: maker_project_id });
