/** The door of hosts that join. */
import type { Static } from 'typebox';
import { hosts as contract, type Host as HostShape } from '../../contract/intercloud/region/hosts.ts';
import { implement } from '../../kit/http/implement.ts';
import { getHost, inviteHost, listHosts, removeHost, renewInvitation, type Host, type Invited } from './hosts.ts';

export const hosts = implement(contract, {
  async list(request) {
    return { hosts: (await listHosts(request)).map(view) };
  },
  async create(request) {
    return invited(await inviteHost(request, request.body.name));
  },
  async show(request) {
    return { host: view(await getHost(request, request.params.host_id)) };
  },
  async renew(request) {
    return invited(await renewInvitation(request, request.params.host_id));
  },
  async delete(request) {
    await removeHost(request, request.params.host_id);
  },
});

function invited({ host, secret, until }: Invited) {
  return { host: view(host), secret, valid_until: until.toISOString() };
}

function view({ id, name, keyHash, seenAt, servers, createdAt }: Host): Static<typeof HostShape> {
  return { id, name, status: keyHash === null ? 'invited' : 'joined', key_sha256: keyHash, seen_at: seenAt?.toISOString() ?? null, servers, created_at: createdAt.toISOString() };
}
