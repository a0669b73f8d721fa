/** Versions that nobody deletes before their time, as their owner has said. */

/** `GOVERNANCE`: who has the right may end it before; `COMPLIANCE`: nobody does. */
export type Retention = { mode: 'GOVERNANCE' | 'COMPLIANCE'; until: string };

type Facts = { readonly facts: Readonly<Record<string, unknown>> };

export function retentionOf({ facts }: Facts): Retention | undefined {
  return facts['retention'] as Retention | undefined;
}

export function isHeld({ facts }: Facts): boolean {
  return facts['legalHold'] === true;
}

export function isLocked(object: Facts, { now, mayEndRetention = false }: { now: Date; mayEndRetention?: boolean }): boolean {
  if (isHeld(object)) return true;
  const retention = retentionOf(object);
  if (!retention || new Date(retention.until) <= now) return false;
  return retention.mode === 'COMPLIANCE' || !mayEndRetention;
}
