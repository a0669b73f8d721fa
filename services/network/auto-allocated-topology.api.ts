import { autoAllocatedTopologies as contract } from '../../contract/network/auto-allocated-topology.ts';
import { badRequest } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { autoAllocatedNetwork, deleteTopology, demandIngredients, projectMeant } from './auto-allocated-topology.ts';

export const autoAllocatedTopologies = implement(contract, {
  async show(request) {
    const projectId = projectMeant(request, request.params.project_id);
    const { fields = [] } = request.query;
    if (fields.includes('dry-run')) {
      await demandIngredients(request);
      return shown('dry-run=pass', projectId);
    }
    if (fields.length > 0) throw badRequest('Bad auto_allocate request: Unrecognized field.', 'BadRequest');
    return shown(await autoAllocatedNetwork(request, projectId), projectId);
  },
  async delete(request) {
    await deleteTopology(request, projectMeant(request, request.params.project_id));
    return undefined;
  },
});

const shown = (id: string, projectId: string) => ({ auto_allocated_topology: { id, project_id: projectId, tenant_id: projectId } });
