/** What is left to be claimed, zone by zone. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { aliveAfter } from './claims.ts';
import { selectRoom, type ZoneRoom } from './room.store.ts';

export type { Room, ZoneRoom } from './room.store.ts';

/** Of hosts that take something new: enabled, and heard of lately. */
export function listRoom(tx: Transaction, now: Date): Promise<ZoneRoom[]> {
  return selectRoom(tx, aliveAfter(now));
}
