/** The doors of consoles. */
import { consoleTokens as tokensContract, serverConsoles as consolesContract } from '../../contract/compute/server-parts.ts';
import { implement } from '../../kit/http/implement.ts';
import { consoleOf, consolePath, openConsole } from './consoles.ts';

export const serverConsoles = implement(consolesContract, {
  async create(request) {
    const { protocol, type } = request.body.remote_console;
    return { remote_console: { protocol, ...(await openConsole(request, { serverId: request.params.server_id, protocol, type })) } };
  },
});

export const consoleTokens = implement(tokensContract, {
  /** nova says which host and port its proxy is to go to; ours lets nobody go past itself, so that this is where it listens. */
  async show(request) {
    const { serverId } = await consoleOf(request, request.params.console_token);
    const { hostname, port, protocol } = new URL(request.base);
    return { console: { instance_uuid: serverId, host: hostname, port: Number(port || (protocol === 'https:' ? 443 : 80)), tls_port: null, internal_access_path: `${consolePath}/stream` } };
  },
});
