/** Nobody keeps a request open by sending nothing. */
import { explanationOf } from '../../contract/object-store/reasons.ts';
import { Fault } from '../../kit/fault.ts';

/** The same bytes; refuses when none came for so long. */
export async function* unlessIdle(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, idleMs: number): AsyncGenerator<Uint8Array> {
  const chunks = Symbol.asyncIterator in bytes ? bytes[Symbol.asyncIterator]() : bytes[Symbol.iterator]();
  let giveUp = (): void => undefined;
  // One timer for all: a new one for each chunk would cost more than the chunk.
  const timer = setTimeout(() => giveUp(), idleMs);
  let isOver = false;
  try {
    for (;;) {
      const { done, value } = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        giveUp = () => {
          isOver = true;
          reject(new Fault(408, 'RequestTimeout', explanationOf(408)));
        };
        Promise.resolve(chunks.next()).then(resolve, reject);
      });
      if (done === true) {
        isOver = true;
        return;
      }
      // While somebody is busy with this one, nobody waits for the next.
      giveUp = () => undefined;
      yield value;
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
    // Whoever takes no more lets go of what it came from. Of a client that is silent the connection stays, to tell him.
    if (!isOver) await chunks.return?.();
  }
}
