import { externalEvents as contract } from '../../contract/compute/external-events.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { noteDone } from './actions.ts';
import { refreshServer } from './server-refresh.ts';
import type { Compute } from './servers.ts';
import { findServer } from './servers.store.ts';

/** They say by their tag what they are about: nova/api/openstack/compute/server_external_events.py, TAG_REQUIRED */
const aboutSomething = ['volume-extended', 'power-update', 'accelerator-request-bound'];

export function externalEventsApi(compute: Compute) {
  return implement(contract, {
    // Volumes, ports and servers are of one database here, so that compute knows already; who tells it makes it look at the machine anew.
    async create(request) {
      const refreshed = new Set<string>();
      const events = [];
      for (const event of request.body.events) {
        const server = await findServer(request.tx, event.server_uuid);
        const code = !server || server.deletedAt !== null ? 404 : aboutSomething.includes(event.name) && event.tag === undefined ? 400 : server.hostId === null ? 422 : 200;
        if (server && code === 200 && !refreshed.has(server.id)) await refreshServer(compute, request, server);
        if (server && code === 200 && event.name === 'volume-extended') await noteDone(request, server, 'extend_volume');
        if (server) refreshed.add(server.id);
        const status = code === 200 ? ('completed' as const) : ('failed' as const);
        events.push({ ...event, status, code });
      }
      return new Answer({ events }, { status: events.every(({ code }) => code === 200) ? 200 : 207 });
    },
  });
}
