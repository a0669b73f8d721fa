/** The doors of policy documents. keystone/api/policy.py */
import { policies as contract, policyEndpoints as endpointsContract, type associationsWith } from '../../contract/identity/policies.ts';
import { implement, type Handlers } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import { endpointView } from './catalog.api.ts';
import { given } from './domains.api.ts';
import { extraOf } from './extra.ts';
import { pageOf, wholeList } from './pages.ts';
import { newId } from './parts.ts';
import { addAssociation, createPolicy, deletePolicy, demandAssociation, getPolicy, getPolicyOfEndpoint, listEndpointsOfPolicy, listPolicies, removeAssociation, updatePolicy, type Association, type PolicyDocument } from './policies.ts';

const columns = ['id', 'type', 'blob', 'links'];

export const policiesDoor = implement(contract, {
  async list(request) {
    const { items, rest } = pageOf(request, await listPolicies(request, request.query));
    return { policies: items.map((policy) => policyView(policy, request)), ...rest };
  },
  async create(request) {
    const { type, blob } = request.body.policy;
    const policy = await createPolicy(request, { id: newId(request), type, blob, extra: extraOf(request.body.policy, columns) });
    await announce(request, 'policy', 'created', policy.id);
    return { policy: policyView(policy, request) };
  },
  async show(request) {
    return { policy: policyView(await getPolicy(request, request.params.policy_id), request) };
  },
  async update(request) {
    const { type, blob } = request.body.policy;
    const policy = await updatePolicy(request, request.params.policy_id, { ...given({ type, blob }), extra: extraOf(request.body.policy, columns) });
    await announce(request, 'policy', 'updated', policy.id);
    return { policy: policyView(policy, request) };
  },
  async delete(request) {
    await deletePolicy(request, request.params.policy_id);
    await announce(request, 'policy', 'deleted', request.params.policy_id);
  },
});

export const policyEndpointsDoor = implement(endpointsContract, {
  async list(request) {
    const endpoints = await listEndpointsOfPolicy(request, request.params.policy_id);
    return { endpoints: endpoints.map((endpoint) => endpointView(endpoint, request)), ...wholeList(request) };
  },
  async show(request) {
    return { policy: policyView(await getPolicyOfEndpoint(request, request.params.endpoint_id), request) };
  },
});

type Params = Readonly<Record<string, string>>;

/** Three things that a document may be for, one behaviour; the paths differ in what they name. */
export const policyAssociationsDoor: Handlers<ReturnType<typeof associationsWith<string>>> = {
  async check(request) {
    await demandAssociation(request, policyIn(request.params), associationIn(request.params));
  },
  async add(request) {
    await addAssociation(request, policyIn(request.params), associationIn(request.params));
    await announce(request, 'policy', 'updated', policyIn(request.params), request.params);
  },
  async remove(request) {
    await removeAssociation(request, policyIn(request.params), associationIn(request.params));
    await announce(request, 'policy', 'updated', policyIn(request.params), request.params);
  },
};

function policyIn(params: object): string {
  return (params as Params)['policy_id'] ?? '';
}

function associationIn(params: object): Association {
  const { endpoint_id: endpointId = null, service_id: serviceId = null, region_id: regionId = null } = params as Partial<Params>;
  return { endpointId, serviceId, regionId };
}

function policyView({ id, type, blob, extra }: PolicyDocument, { url }: { url(path: string): string }) {
  return { ...extra, id, type, blob, links: { self: url(`/policies/${id}`) } };
}
