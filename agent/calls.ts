/** The calls of a driver as they cross the wire: the one list that both ends are made from. */
import type { Driver, DriverErrorKind, NetworkResourceRef } from '../drivers/driver.ts';

/** Consoles are not asked for by call: their answer is a connection. */
type Methods = Omit<Driver, 'name' | 'close' | 'consoles'>;
export type Part = keyof Methods;

export type Call<Argument> = {
  takes: Takes<Argument>;
  /** How long the caller waits for the reply. After that the outcome is unknown, and asking again is right. */
  timeoutMs: number | ((argument: Argument) => number);
  /** What the call changes or must see as changed: calls that share one stay in order. 'part' is all of it. */
  order: (argument: Argument) => string[] | 'part';
  /** How large its argument may be. Most are one resource. */
  maxMiB: number;
};

type Takes<Argument> = [Argument] extends [undefined] ? 'nothing' : [Argument] extends [readonly unknown[]] ? 'list' : 'object';

/** What the host needs to know of one: it never looks into an argument. */
export type AnyCall = { takes: 'nothing' | 'list' | 'object'; maxMiB: number };

type ArgumentOf<M> = M extends (...given: infer A) => unknown ? (A extends [infer One] ? One : undefined) : never;

/** Every method of every part, and nothing else: a method that the list lacks does not compile. */
export type Calls = { readonly [P in Part]: { readonly [M in keyof Methods[P]]: Call<ArgumentOf<Methods[P][M]>> } };

const SECOND = 1000;
const MINUTE = 60 * SECOND;

const reading = { takes: 'nothing' as const, order: () => [], maxMiB: 1 };
const aboutId = { takes: 'object' as const, order: ({ id }: { id: string }) => [id], maxMiB: 1 };
const aboutSnapshot = { takes: 'object' as const, order: ({ id, volumeId }: { id: string; volumeId: string }) => [id, volumeId], maxMiB: 1 };
const aboutAll = { takes: 'list' as const, order: () => 'part' as const, maxMiB: 256 };
const aboutNetwork = { takes: 'list' as const, order: (resources: NetworkResourceRef[]) => resources.map(({ kind, id }) => `${kind}/${id}`), maxMiB: 64 };

export const calls: Calls = {
  hosts: {
    list: { ...reading, timeoutMs: 30 * SECOND },
  },
  images: {
    forget: { takes: 'object', timeoutMs: MINUTE, order: ({ sha256 }) => [sha256], maxMiB: 1 },
  },
  volumes: {
    ensure: { ...aboutId, timeoutMs: 30 * MINUTE },
    remove: { ...aboutId, timeoutMs: 5 * MINUTE },
    ensureSnapshot: { ...aboutSnapshot, timeoutMs: 30 * MINUTE },
    removeSnapshot: { ...aboutSnapshot, timeoutMs: 5 * MINUTE },
    capture: { takes: 'object', timeoutMs: 60 * MINUTE, order: ({ volumeId, snapshotId }) => [volumeId, ...(snapshotId === undefined ? [] : [snapshotId])], maxMiB: 1 },
    list: { ...reading, timeoutMs: MINUTE },
  },
  networks: {
    ensure: { ...aboutNetwork, timeoutMs: 2 * MINUTE },
    remove: { ...aboutNetwork, timeoutMs: 2 * MINUTE },
    reconcile: { ...aboutAll, timeoutMs: 10 * MINUTE },
    compare: { ...aboutAll, order: () => [], timeoutMs: 5 * MINUTE },
    portsUp: { takes: 'list', order: () => [], timeoutMs: 30 * SECOND, maxMiB: 16 },
    edits: { ...reading, timeoutMs: 30 * SECOND },
    traffic: { ...reading, timeoutMs: 30 * SECOND },
  },
  servers: {
    ensure: { ...aboutId, timeoutMs: 10 * MINUTE },
    remove: { ...aboutId, timeoutMs: 5 * MINUTE },
    // Behind nothing and before nothing: who does not wait for the guest restarts it from outside.
    reboot: { ...aboutId, order: () => [], timeoutMs: 3 * MINUTE },
    shutdown: { ...aboutId, timeoutMs: ({ seconds }) => MINUTE + seconds * SECOND },
    consoleLog: { ...aboutId, timeoutMs: 30 * SECOND },
    capture: { ...aboutId, timeoutMs: 60 * MINUTE },
    list: { ...reading, timeoutMs: MINUTE },
  },
  quarantine: {
    list: { ...reading, timeoutMs: MINUTE },
  },
  counterparts: {
    list: { takes: 'object', order: () => [], timeoutMs: 30 * SECOND, maxMiB: 1 },
  },
};

/** What a reply's status says about it; its body says the same in words. */
export const STATUS: Record<DriverErrorKind, number> = {
  unavailable: 503,
  stale: 409,
  missing: 404,
  exhausted: 507,
  invalid: 422,
  failed: 500,
};

export type Reply = { result?: unknown } | { error: { kind: DriverErrorKind; message: string } };

export type Health = { status: 'ok' | 'stopping'; driver: string; running: number; waiting: number };

/** What a connection becomes when it is to carry a machine's console: `GET /consoles/open?…` with this in `Upgrade`. */
export const CONSOLE_PROTOCOL = 'intercloud-console';

export const REQUEST_ID = 'x-request-id';
/** Until when the caller waits, in milliseconds since 1970: what comes later must not be begun. */
export const DEADLINE = 'x-deadline';
