/** The door of QoS specifications. */
import { qosSpecs as contract } from '../../contract/volume/qos-specs.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { cut, readPage } from './lists.ts';
import { associate, changeQosSpec, createQosSpec, deleteQosKeys, deleteQosSpec, disassociate, disassociateAll, getQosSpec, listQosSpecs, typesOfQosSpec, type QosSpec } from './qos-specs.ts';
import { linksTo, nextLinks } from './shapes.ts';

type Asked = Parameters<typeof linksTo>[0];

export const qosSpecs = implement(contract, {
  async list(request) {
    const query = readPage(request.query, ['id', 'name', 'consumer']);
    const { page, next } = cut(await listQosSpecs(request, query), query.limit, request.page);
    return new Answer({ qos_specs: [...page], ...(next === undefined ? {} : { qos_specs_links: nextLinks(next)! }) }, { next });
  },

  show: async (request) => shown(request, await getQosSpec(request, request.params.qos_id)),

  async create(request) {
    const { name, ...specs } = request.body.qos_specs;
    return shown(request, await createQosSpec(request, name.trim(), specs as Record<string, string | null>));
  },

  async update(request) {
    await changeQosSpec(request, request.params.qos_id, request.body.qos_specs);
    return { qos_specs: request.body.qos_specs };
  },

  async deleteKeys(request) {
    await deleteQosKeys(request, request.params.qos_id, request.body.keys);
    return undefined;
  },

  async delete(request) {
    await deleteQosSpec(request, request.params.qos_id, { force: request.query.force === true });
    return undefined;
  },

  async associations(request) {
    const types = await typesOfQosSpec(request, request.params.qos_id);
    return { qos_associations: types.map(({ id, name }) => ({ association_type: 'volume_type', name, id })) };
  },

  async associate(request) {
    await associate(request, request.params.qos_id, request.query.vol_type_id);
    return undefined;
  },

  async disassociate(request) {
    await disassociate(request, request.params.qos_id, request.query.vol_type_id);
    return undefined;
  },

  async disassociateAll(request) {
    await disassociateAll(request, request.params.qos_id);
    return undefined;
  },
});

function shown(asked: Asked, spec: QosSpec) {
  return { qos_specs: spec, links: linksTo(asked, `/qos-specs/${spec.id}`) };
}
