/** What of ours is what at the partner: written down before the call that makes it there, and after. */

export type HandleKind = 'host' | 'project' | 'image' | 'flavor' | 'server' | 'volume' | 'snapshot' | 'network' | 'subnet' | 'router' | 'router-port' | 'security-group' | 'port' | 'floating-ip';

export type HandleRef = { kind: HandleKind; id: string };

/**
 * `intended`: it may be there or not, nobody has said so yet. `known`: it was there, and this is what it is called.
 */
export type Handle = HandleRef & {
  generation: number;
  projectId: string;
  /** What is written on the thing at the partner, by which it is found when the answer was lost. */
  tag: string;
  applied: Applied;
} & ({ state: 'intended'; remoteId: null } | { state: 'known'; remoteId: string });

/** Plain JSON. */
export type Applied = Record<string, unknown>;

export type Known = HandleRef & { number: number; remoteId: string; applied: Applied };

export type HandleStore = {
  /** Remembers the generations as the newest seen, all or none; a DriverError `stale` when one of them is not. */
  accept(refs: readonly (HandleRef & { generation: number })[]): Promise<void>;
  find(ref: HandleRef): Promise<Handle | undefined>;
  /** Whether it was ever intended, though it is not any more. */
  wasMade(ref: HandleRef): Promise<boolean>;
  /** Those that are intended or known. */
  list(...kinds: HandleKind[]): Promise<Handle[]>;
  /** Commits that it is about to be made; what was intended and never known stays the same intention. */
  intend(ref: HandleRef, projectId: string): Promise<Handle>;
  know(ref: HandleRef, remoteId: string): Promise<void>;
  /** Adds to what was applied. */
  apply(ref: HandleRef, applied: Applied): Promise<void>;
  /** What became known of these kinds after that number, in its order: also what is gone, and what took its place. */
  knownAfter(number: number, options: { kinds: readonly HandleKind[]; limit: number }): Promise<Known[]>;
  /** It is not there any more, or was never made. */
  forget(ref: HandleRef): Promise<void>;
};

const prefix = 'intercloud:';

/** At most 60 characters for our own ids: what Neutron takes as a tag. */
export function tagOf(id: string, attempt: number): string {
  return `${prefix}${id}:${attempt}`;
}

/** Which of our things says to be it; null for one that is not ours. */
export function idInTag(tag: string | null | undefined): string | null {
  if (!tag?.startsWith(prefix)) return null;
  return tag.slice(prefix.length, tag.lastIndexOf(':')) || null;
}
