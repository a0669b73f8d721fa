/** What lies between the operator's cloud and the partner's: it hands on every request, until it is told to do otherwise. */
import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** What becomes of a request that makes a machine: its answer is lost, or it is asked twice. */
export type Mishap = 'loses the answer' | 'asks twice';

export type Link = {
  url: string;
  /** Of the machines that are made from now on, this one: 0 is the next. */
  trouble(mishap: Mishap, which: number): void;
  /** How often that has happened. */
  happened(): number;
  /** While it is, nobody is reached. */
  cut(isCut: boolean): void;
  close(): Promise<void>;
};

type Answer = { status: number; headers: IncomingMessage['headers']; body: Buffer };

/** `renames`: a cloud names itself in what it answers, here by the address of the link. */
export async function startLink(target: string, { renames = true }: { renames?: boolean } = {}): Promise<Link> {
  const state: { mishap?: Mishap; left: number; happened: number; isCut: boolean } = { left: 0, happened: 0, isCut: false };
  const server = createServer((incoming, outgoing) => {
    handOn(incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function handOn(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    if (state.isCut) return void incoming.socket.destroy();
    const makes = incoming.method === 'POST' && /\/servers$/.test(new URL(incoming.url ?? '/', url).pathname);
    const mishap = makes && state.mishap !== undefined && state.left-- === 0 ? state.mishap : undefined;
    if (mishap !== undefined) state.happened += 1;
    let answer = await send(incoming, body);
    if (mishap === 'asks twice') answer = await send(incoming, body);
    if (mishap === 'loses the answer' || state.isCut) return void incoming.socket.destroy();
    const isText = renames && String(answer.headers['content-type'] ?? '').includes('json');
    const said = isText ? Buffer.from(answer.body.toString().replaceAll(target, url)) : answer.body;
    const { 'transfer-encoding': _chunked, connection: _connection, ...headers } = answer.headers;
    outgoing.writeHead(answer.status, { ...headers, 'content-length': said.byteLength });
    outgoing.end(said);
  }

  function send({ method = 'GET', url: path = '/', headers }: IncomingMessage, body: Buffer): Promise<Answer> {
    const { 'transfer-encoding': _chunked, connection: _connection, ...kept } = headers;
    return new Promise((resolve, reject) => {
      const asked = ask(new URL(path, target), { method, headers: { ...kept, host: new URL(target).host, 'content-length': body.byteLength } }, (reply) => {
        buffer(reply).then((whole) => resolve({ status: reply.statusCode ?? 502, headers: reply.headers, body: whole }), reject);
      });
      asked.once('error', reject);
      asked.end(body);
    });
  }

  return {
    url,
    trouble(mishap, which) {
      state.mishap = mishap;
      state.left = which;
    },
    happened: () => state.happened,
    cut(isCut) {
      state.isCut = isCut;
      if (isCut) server.closeAllConnections();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
