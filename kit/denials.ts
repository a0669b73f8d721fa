/**
 * Who was refused by which rule, in the audit of the service that was asked. A flood of refusals costs little: what one
 * caller is refused again within a second is one entry with a number, and there are so many entries a second at most.
 */
import { audit } from './audit.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { Denial } from './policy/policy.ts';
import type { Database } from './postgres/database.ts';
import type { Caller } from './http/caller.ts';

export type Denied = { requestId: string; method: string; path: string; source: string; caller: Caller; denial: Denial };

export type Denials = {
  /** Returns at once; the entry is written within about a second. */
  note(database: Database, denied: Denied): void;
  /** Writes what is left. */
  close(): Promise<void>;
};

type Entry = Denied & { database: Database; at: Date; times: number; more: string[] };

const everyMs = 1_000;
const mostEntries = 20;
const mostIds = 10;
const longestTarget = 2_000;

export function createDenials({ clock, log }: { clock: Clock; log: Log }): Denials {
  let entries = new Map<string, Entry>();
  let dropped = 0;
  let writing: Promise<void> | undefined;
  const closing = new AbortController();

  async function writeSoon(): Promise<void> {
    await clock.after(everyMs, closing.signal).catch(atOnce);
    const [written, lost] = [entries, dropped];
    [entries, dropped, writing] = [new Map(), 0, undefined];
    if (lost > 0) log.warn({ lost }, 'more was denied than the audit takes in a second');
    for (const [database, own] of Map.groupBy(written.values(), ({ database: of }) => of))
      await writeAll(database, own).catch((error: unknown) => log.warn({ err: error, denials: own.length }, 'denials could not be written to the audit'));
  }

  return {
    note(database, denied) {
      const key = `${denied.caller.userId} ${denied.caller.projectId ?? ''} ${denied.denial.rule}`;
      const known = entries.get(key);
      if (known) {
        known.times += 1;
        if (known.more.length < mostIds) known.more.push(denied.requestId);
      } else if (entries.size < mostEntries) entries.set(key, { ...denied, database, at: clock.now(), times: 1, more: [] });
      else dropped += 1;
      writing ??= writeSoon();
    },
    async close() {
      closing.abort();
      await writing;
    },
  };
}

async function writeAll(database: Database, entries: readonly Entry[]): Promise<void> {
  await database.transaction({ kind: 'system', reason: 'denials are audited' }, async (tx) => {
    for (const { at, requestId, method, path, source, caller, denial, times, more } of entries) {
      const { userId, projectId, domainId, system, roles } = caller;
      const about = JSON.stringify(denial.target).length > longestTarget ? {} : denial.target;
      await audit(tx, { now: () => at }, {
        action: denial.rule,
        target: path,
        outcome: 'denied',
        userId,
        projectId: projectId ?? undefined,
        requestId,
        source,
        details: { method, asks: denial.check, about, domainId, system, roles: [...roles], times, ...(more.length > 0 ? { requestIds: more } : {}) },
      });
    }
  });
}

/** What is noted is written now, as all of it ends. */
function atOnce(): void {}
