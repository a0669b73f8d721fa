/** Asks somebody else's server: an answer comes in time and is no larger than agreed, or it is none. */

export type Bounds = { withinMs: number; mostBytes: number };

export class TooLarge extends Error {
  override name = 'TooLarge';
}

/** The whole answer is read before it is handed on; what goes beyond is not read, and redirects are not followed. */
export function boundedFetch(send: typeof fetch, { withinMs, mostBytes }: Bounds): typeof fetch {
  return async (address, init) => {
    const limit = AbortSignal.timeout(withinMs);
    const reply = await send(address, { ...init, redirect: 'error', signal: init?.signal ? AbortSignal.any([limit, init.signal]) : limit });
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of (reply.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += part.byteLength;
      if (bytes > mostBytes) throw new TooLarge(`${new URL(address instanceof Request ? address.url : address).host} answers more than ${mostBytes} bytes`);
      parts.push(part);
    }
    const isEmpty = bytes === 0 || reply.status === 204 || reply.status === 304;
    return new Response(isEmpty ? null : Buffer.concat(parts), { status: reply.status, headers: reply.headers });
  };
}
