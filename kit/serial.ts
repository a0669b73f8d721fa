export type Serial<K> = {
  /** Runs the work when all earlier work about this key has ended, well or badly. */
  run<T>(key: K, work: () => T | Promise<T>): Promise<T>;
  /** The same for work about several keys at once. */
  runAll<T>(keys: Iterable<K>, work: () => T | Promise<T>): Promise<T>;
  /** Runs the work when all earlier work has ended; all later work waits for it. */
  runAlone<T>(work: () => T | Promise<T>): Promise<T>;
  /** How many keys are remembered: none when nothing runs or waits. */
  readonly size: number;
};

/** One thing at a time for each key, in the order in which it was asked for; different keys do not wait for each other. */
export function serialised<K>(): Serial<K> {
  const lastOf = new Map<K, Promise<void>>();
  let lastAlone: Promise<void> = NOTHING;

  // A task takes its place behind all its keys in one synchronous step, so two tasks
  // with several keys each can never wait for each other.
  function enqueue<T>(before: Promise<void>[], work: () => T | Promise<T>, keys: Iterable<K>) {
    const result = Promise.all(before).then(work);
    const ended = result.then(ignore, ignore);
    for (const key of keys) lastOf.set(key, ended);
    void ended.then(() => {
      for (const key of keys) if (lastOf.get(key) === ended) lastOf.delete(key);
      if (lastAlone === ended) lastAlone = NOTHING;
    });
    return { result, ended };
  }

  return {
    run: (key, work) => enqueue([lastOf.get(key) ?? NOTHING, lastAlone], work, [key]).result,
    runAll: (keys, work) => {
      const all = new Set(keys);
      return enqueue([...[...all].map((key) => lastOf.get(key) ?? NOTHING), lastAlone], work, all).result;
    },
    runAlone: (work) => {
      const { result, ended } = enqueue([...lastOf.values(), lastAlone], work, []);
      lastAlone = ended;
      return result;
    },
    get size() {
      return lastOf.size + (lastAlone === NOTHING ? 0 : 1);
    },
  };
}

const NOTHING = Promise.resolve();

/** Whoever asked for the work sees how it ended; those behind it only need to know that it did. */
function ignore(): void {}
