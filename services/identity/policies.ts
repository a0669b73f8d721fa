/** Policy documents, and what they are for. keystone/{policy,endpoint_policy}/core.py */
import { notFound } from '../../kit/fault.ts';
import { sql } from '../../kit/postgres/database.ts';
import { demand, type Context } from './access.ts';
import { findEndpoint, findRegion, findService, listEndpoints, type Endpoint } from './catalog.store.ts';
import { pageConditions, rowsFor, type PageQuery } from './pages.ts';
import {
  deleteAssociation,
  deletePolicy as removePolicy,
  endpointOfPolicy,
  findPolicy,
  findPolicyOfEndpoint,
  hasAssociation,
  insertPolicy,
  listPolicies as selectPolicies,
  setAssociation,
  updatePolicy as storePolicy,
  type Association,
  type PolicyDocument,
} from './policies.store.ts';
import { couldNotFind } from './refusals.ts';

export type { Association, PolicyDocument } from './policies.store.ts';

export function listPolicies(context: Context, query: PageQuery & { type?: string }): Promise<PolicyDocument[]> {
  demand(context, 'identity:list_policies');
  const conditions = pageConditions(query);
  if (query.type !== undefined) conditions.push(sql`type = ${query.type}`);
  return selectPolicies(context.tx, conditions, rowsFor(query));
}

export async function getPolicy(context: Context, id: string, rule = 'identity:get_policy'): Promise<PolicyDocument> {
  demand(context, rule);
  const policy = await findPolicy(context.tx, id);
  if (!policy) throw notFound(`Could not find policy: ${id}.`, 'PolicyNotFound');
  return policy;
}

export async function createPolicy(context: Context, policy: PolicyDocument): Promise<PolicyDocument> {
  demand(context, 'identity:create_policy');
  await insertPolicy(context.tx, policy);
  return policy;
}

export async function updatePolicy(context: Context, id: string, change: Partial<PolicyDocument>): Promise<PolicyDocument> {
  const before = await getPolicy(context, id, 'identity:update_policy');
  const after = { ...before, ...change, id, extra: { ...before.extra, ...change.extra } };
  await storePolicy(context.tx, after);
  return after;
}

export async function deletePolicy(context: Context, id: string): Promise<void> {
  await getPolicy(context, id, 'identity:delete_policy');
  await removePolicy(context.tx, id);
}

export async function listEndpointsOfPolicy(context: Context, id: string): Promise<Endpoint[]> {
  await getPolicy(context, id, 'identity:list_endpoints_for_policy');
  return listEndpoints(context.tx, [endpointOfPolicy(id)], 10_000);
}

export async function getPolicyOfEndpoint(context: Context, endpointId: string): Promise<PolicyDocument> {
  demand(context, 'identity:get_policy_for_endpoint');
  if (!(await findEndpoint(context.tx, endpointId))) throw couldNotFind('endpoint', endpointId);
  const policy = await findPolicyOfEndpoint(context.tx, endpointId);
  if (!policy) throw notFound(`No policy is associated with endpoint ${endpointId}.`, 'NotFound');
  return policy;
}

export async function demandAssociation(context: Context, policyId: string, association: Association): Promise<void> {
  await demandAll(context, 'check', policyId, association);
  if (!(await hasAssociation(context.tx, policyId, association))) throw associationNotFound();
}

export async function addAssociation(context: Context, policyId: string, association: Association): Promise<void> {
  await demandAll(context, 'create', policyId, association);
  await setAssociation(context.tx, policyId, association);
}

export async function removeAssociation(context: Context, policyId: string, association: Association): Promise<void> {
  await demandAll(context, 'delete', policyId, association);
  if (!(await deleteAssociation(context.tx, policyId, association))) throw associationNotFound();
}

async function demandAll(context: Context, verb: 'check' | 'create' | 'delete', policyId: string, { endpointId, serviceId, regionId }: Association): Promise<void> {
  const { tx } = context;
  await getPolicy(context, policyId, `identity:${verb}_policy_association_for_${endpointId !== null ? 'endpoint' : regionId !== null ? 'region_and_service' : 'service'}`);
  if (endpointId !== null && !(await findEndpoint(tx, endpointId))) throw couldNotFind('endpoint', endpointId);
  if (serviceId !== null && !(await findService(tx, serviceId))) throw couldNotFind('service', serviceId);
  if (regionId !== null && !(await findRegion(tx, regionId))) throw couldNotFind('region', regionId);
}

const associationNotFound = () => notFound('Could not find policy association.', 'PolicyAssociationNotFound');
