/** The door of projects' default types. */
import { defaultTypes as contract } from '../../contract/volume/default-types.ts';
import { implement } from '../../kit/http/implement.ts';
import { getDefaultType, listDefaultTypes, setDefaultType, unsetDefaultType, type DefaultType } from './default-types.ts';

export const defaultTypes = implement(contract, {
  list: async (request) => ({ default_types: (await listDefaultTypes(request)).map(shown) }),
  show: async (request) => ({ default_type: shown(await getDefaultType(request, request.params.project_id)) }),
  set: async (request) => ({ default_type: shown(await setDefaultType(request, request.params.project_id, request.body.default_type.volume_type)) }),

  async unset(request) {
    await unsetDefaultType(request, request.params.project_id);
    return undefined;
  },
});

function shown({ projectId, typeId }: DefaultType) {
  return { project_id: projectId, volume_type_id: typeId };
}
