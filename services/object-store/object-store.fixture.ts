/** Asks the store as Swift's clients do, without a socket in between. */
import { servicePath } from '../../contract/object-store/paths.ts';
import type { Person, TestCloud } from '../../test/cloud.ts';

export type Reply = { status: number; headers: Record<string, string>; text: string; bytes: Buffer; json: unknown };
export type Asked = { body?: string | Buffer; headers?: Record<string, string> };
export type Ask = (method: string, path: string, asked?: Asked) => Promise<Reply>;

/** As a person, or as nobody, below an account: the person's own without. `root`: where the service is looked for. */
export function swift(cloud: TestCloud, person: Person | undefined, owner: Person | undefined = person, root = servicePath): Ask {
  return async (method, path, { body, headers = {} } = {}) => {
    const reply = await cloud.door.app.inject({
      method: method as 'GET',
      url: `${root}/${accountOf(owner)}${path}`,
      headers: { ...(person ? { 'x-auth-token': await person.token() } : {}), ...(body === undefined && method === 'PUT' ? { 'content-length': '0' } : {}), ...headers },
      ...(body === undefined ? {} : { payload: body }),
    });
    return {
      status: reply.statusCode,
      headers: reply.headers as Record<string, string>,
      text: reply.payload,
      bytes: reply.rawPayload,
      json: String(reply.headers['content-type']).includes('json') ? JSON.parse(reply.payload) : undefined,
    };
  };
}

export function accountPath(owner: Person | undefined): string {
  return `${servicePath}/${accountOf(owner)}`;
}

function accountOf(owner: Person | undefined): string {
  return `AUTH_${owner?.projectId ?? 'nobody'}`;
}
