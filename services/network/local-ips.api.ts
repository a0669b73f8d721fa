import { localIpAssociations as associationsContract, localIps as contract } from '../../contract/network/local-ips.ts';
import { implement } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
import { associationListing, createAssociation, createLocalIp, deleteLocalIp, getAssociation, localIpListing, localIpNoun, removeAssociation, updateLocalIp, type LocalIp, type LocalIpAssociation } from './local-ips.ts';
import { selectAssociations } from './local-ips.store.ts';
import { getRow, selectRows } from './noun.ts';

export const localIps = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, localIpListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'local_ips', page, await selectRows(request.tx, localIpNoun, page.tail), shown);
  },
  async create(request) {
    if (request.body.local_ip) return { local_ip: shown(await createLocalIp(request, request.body.local_ip)) };
    const made: LocalIp[] = [];
    for (const wish of request.body.local_ips ?? []) made.push(await createLocalIp(request, wish));
    return { local_ips: made.map(shown) };
  },
  show: async (request) => ({ local_ip: chosen(shown(await getRow(request, localIpNoun, request.params.local_ip_id)), request.query.fields) }),
  update: async (request) => ({ local_ip: shown(await updateLocalIp(request, request.params.local_ip_id, request.body.local_ip)) }),
  async delete(request) {
    await deleteLocalIp(request, request.params.local_ip_id);
    return undefined;
  },
});

export const localIpAssociations = implement(associationsContract, {
  async list(request) {
    const { id } = await getRow(request, localIpNoun, request.params.local_ip_id);
    const page = await pageOf(request.tx, associationListing, request.query, request.otherQuery, request.caller);
    const rows = await selectAssociations(request.tx, sql`r.local_ip_id = ${id} and ${page.tail}`);
    return listAnswer(request, 'port_associations', page, rows, shownAssociation);
  },
  create: async (request) => ({ port_association: shownAssociation(await createAssociation(request, request.params.local_ip_id, request.body.port_association)) }),
  show: async (request) => ({ port_association: chosen(shownAssociation(await getAssociation(request, request.params.local_ip_id, request.params.fixed_port_id)), request.query.fields) }),
  async delete(request) {
    await removeAssociation(request, request.params.local_ip_id, request.params.fixed_port_id);
    return undefined;
  },
});

const shown = ({ created_at, updated_at, ...localIp }: LocalIp) => ({ ...localIp, tenant_id: localIp.project_id, created_at: seconds(created_at), updated_at: seconds(updated_at) });

const shownAssociation = ({ id: _id, ...association }: LocalIpAssociation) => association;
