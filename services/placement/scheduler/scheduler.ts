/**
 * The scheduler: decides in memory, claims in the database, whose word is the last. Any number of processes decide side by
 * side; where the room is gone that one of them had seen, it looks again.
 */
import { emit } from '../../../kit/events/events.ts';
import type { Transaction } from '../../../kit/postgres/database.ts';
import { holdToCells } from '../cells.ts';
import { aliveAfter, NoValidHost, releaseClaim, type ClaimWish } from '../claims.ts';
import { allocationsWhere, claimRoom, zoneOf, type Amount } from '../claims.store.ts';
import { Board } from './board.ts';
import { countInstances, selectGroups, selectNews, selectSeenAfter } from './board.store.ts';
import { decide, explain, type Decision } from './deciding.ts';
import { queueDecision } from './decisions.store.ts';
import { instancesKey, ioOpsKey } from './filters.ts';
import { amountsOf, readWish, type Wish } from './wishes.ts';

export type Claimed = { hostId: string; availabilityZone: string };
export type Fit = { decision: Decision; /** How many more of it each host takes, the most first. */ hosts: { hostId: string; hostname: string; availabilityZone: string; count: number }[] };

export type Scheduler = {
  /** Claims room on the best host; claiming again for the same consumer returns what it has. Throws NoValidHost. */
  claimHost(tx: Transaction, wish: ClaimWish): Promise<Claimed>;
  /** Where it would fit now, and how often. Claims nothing. */
  judge(tx: Transaction, wish: ClaimWish): Promise<Fit>;
};

/** How often to look which hosts were seen, and which are busy: neither is news of its own. */
const lookEveryMs = 1_000;
/** A claim that was never committed stands in nobody's way any longer. */
const holdMs = 30_000;

/** Of one region, in one process. */
export function createScheduler(): Scheduler {
  const board = new Board();
  let seenBelow: string | null = null;
  let seenUntil = new Date(0);
  let lookedAt = -Infinity;

  async function look(tx: Transaction, wish: ClaimWish, { thoroughly = false } = {}): Promise<void> {
    const news = await selectNews(tx, seenBelow);
    for (const host of news.hosts) board.put(host);
    for (const id of news.gone) board.remove(id);
    if (news.aggregates) board.aggregates = await selectGroups(tx);
    // Numbers have as many digits as they need.
    if (!news.isWithheld && (seenBelow === null || BigInt(news.seenBelow) > BigInt(seenBelow))) seenBelow = news.seenBelow;
    const now = wish.now.getTime();
    board.dropHoldsBefore(now);
    const said = (key: string) => [...board.aggregates.values()].some((metadata) => key in metadata);
    const isTime = thoroughly || Math.abs(now - lookedAt) >= lookEveryMs;
    if (isTime) {
      lookedAt = now;
      for (const { id, seenAt } of await selectSeenAfter(tx, seenUntil)) {
        board.see(id, seenAt.getTime());
        if (seenAt > seenUntil) seenUntil = seenAt;
      }
    }
    if (wish.underWay && (isTime || said(ioOpsKey))) board.tally('underWay', await wish.underWay(tx));
    if (said(instancesKey)) board.tally('instances', await countInstances(tx));
  }

  function judgeNow(wish: Wish, { now, consumerId }: ClaimWish): Decision {
    return decide(board, wish, { aliveAfter: aliveAfter(now).getTime(), seed: consumerId });
  }

  /** The first that has the room: those that nobody else claims of right now are asked first. */
  async function claimOne(tx: Transaction, { consumerId, projectId, userId = '', now, cells }: ClaimWish, amounts: readonly Amount[], { finalists }: Decision, { lost, crowded }: { lost: Set<string>; crowded: Set<string> }): Promise<string | undefined> {
    for (const waits of [false, true])
      for (const { hostId } of finalists) {
        const index = board.indexOf(hostId);
        if (index === undefined || lost.has(hostId) || crowded.has(hostId)) continue;
        const letGo = board.hold(index, amounts, now.getTime() + holdMs);
        const result = await claimRoom(tx, { consumerId, projectId, userId, providerId: hostId, now }, amounts, waits);
        if (result === 'claimed' && (!cells || (await holdToCells(tx, { consumerId, providerId: hostId }, cells)))) {
          tx.afterCommit(letGo);
          return hostId;
        }
        letGo();
        if (result === 'claimed') {
          await releaseClaim(tx, consumerId, now);
          crowded.add(hostId);
        }
        if (result === 'full') lost.add(hostId);
      }
    return undefined;
  }

  return {
    async claimHost(tx, wish) {
      const [[before]] = await Promise.all([allocationsWhere(tx, { consumerId: wish.consumerId }), look(tx, wish)]);
      if (before) return { hostId: before.providerId, availabilityZone: await zoneOf(tx, before.providerId) };
      const asked = wishOf(wish);
      const lost = new Set<string>();
      const crowded = new Set<string>();
      for (let thoroughly = false; ; ) {
        const decision = judgeNow({ ...asked, tried: [...asked.tried, ...lost], crowded: [...crowded] }, wish);
        if (decision.finalists.length === 0) {
          // Before it says no it looks at everything, and takes nothing for granted that others have not committed.
          if (thoroughly) throw new NoValidHost(explain(decision));
          thoroughly = true;
          board.dropHoldsBefore(Infinity);
          await look(tx, wish, { thoroughly });
          continue;
        }
        const chosen = await claimOne(tx, wish, asked.amounts, decision, { lost, crowded });
        if (chosen !== undefined) {
          queueDecision(tx, wish.consumerId, { ...decision, wish: asked, lost: [...lost, ...crowded], chosen }, wish.now);
          await emit(tx, { now: () => wish.now }, { type: 'resource_provider.update', resource: 'resource_provider', resourceId: chosen, payload: {} });
          return { hostId: chosen, availabilityZone: board.zones.values[board.zone[board.indexOf(chosen)!]!]! };
        }
        await look(tx, wish);
      }
    },
    async judge(tx, wish) {
      await look(tx, wish, { thoroughly: true });
      const asked = wishOf(wish);
      const decision = judgeNow(asked, wish);
      const left = decision.left.at(-1)?.hosts ?? 0;
      const hosts = Array.from(board.list.subarray(0, left), (index) => ({ hostId: board.ids[index]!, hostname: board.hostnames[index]!, availabilityZone: board.zones.values[board.zone[index]!]!, count: timesIn(index, asked.amounts) }));
      return { decision, hosts: hosts.toSorted((one, other) => other.count - one.count || (one.hostname < other.hostname ? -1 : 1)) };
    },
  };

  function timesIn(index: number, amounts: readonly Amount[]): number {
    const times = amounts.map(({ resourceClass, amount }) => {
      const column = board.column(resourceClass)!;
      return Math.floor(column.free[index]! / amount);
    });
    return times.length === 0 ? 0 : Math.min(...times);
  }
}

function wishOf({ exclude = [], different = [], same = null, near = null, availabilityZone = null, hostname = null, group = null, extraSpecs = {}, image = {}, projectId, ...needs }: ClaimWish): Wish {
  return readWish({ tried: exclude, different, same, near, availabilityZone, hostname, group, extraSpecs, image, projectId, amounts: amountsOf(needs) });
}
