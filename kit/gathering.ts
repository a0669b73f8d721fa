/** Doing for many at once what each asks for by itself. */

export type Gathering<Item> = (item: Item) => Promise<void>;

/**
 * Who asks while others are being served is served next, together with all who have asked meanwhile: the busier, the more at
 * once, and nobody waits for others to come. When that fails for several, each is served alone, so that nobody bears
 * another's failure: `serve` must bear repetition.
 */
export function gathering<Item>(serve: (items: readonly Item[]) => Promise<void>, { most, atOnce }: { most: number; atOnce: number }): Gathering<Item> {
  type Waiting = { item: Item; resolve(): void; reject(error: unknown): void };
  const waiting: Waiting[] = [];
  let underWay = 0;

  async function serveThem(them: readonly Waiting[]): Promise<void> {
    try {
      await serve(them.map(({ item }) => item));
      for (const { resolve } of them) resolve();
    } catch (error) {
      if (them.length === 1) them[0]!.reject(error);
      else for (const each of them) await serveThem([each]);
    }
  }

  function next(): void {
    while (underWay < atOnce && waiting.length > 0) {
      underWay++;
      void serveThem(waiting.splice(0, most)).finally(() => {
        underWay--;
        next();
      });
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      // Those of one moment go together.
      if (waiting.length === 1) setImmediate(next);
    });
}
