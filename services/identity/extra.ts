/** Attributes that keystone does not know, and keeps all the same. */

/** What of a body is in none of our columns. */
export function extraOf(body: object, known: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !known.includes(name)));
}
