import { inspect } from 'node:util';

/** What is shown instead of a secret, here and in the log. */
export const HIDDEN = '[secret]';

const inside = new WeakMap<Secret<unknown>, unknown>();

/** A value that shows itself to nobody who did not ask by `reveal`: not in JSON, not in text, not when inspected. */
export class Secret<T> {
  /** Makes a Secret<string> another type than a Secret<Buffer>; there is nothing behind it. */
  declare private readonly holds: T;

  constructor(value: T) {
    inside.set(this, value);
    Object.freeze(this);
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [Symbol.toPrimitive](): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}

export function reveal<T>(secret: Secret<T>): T {
  return inside.get(secret) as T;
}
