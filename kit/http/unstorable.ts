/** Values that JSON can carry and nothing behind the door can hold. */

/** Nobody's request is nested so deeply; a million levels would end a recursion anywhere behind the door. */
const mostLevels = 100;

/** Why this value, parsed from JSON or a query, cannot be taken; undefined when it can. Looks at keys too. */
export function unstorable(value: unknown): string | undefined {
  const waiting: [value: unknown, level: number][] = [[value, 0]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [here, level] = next;
    if (typeof here === 'string') {
      const why = unstorableText(here);
      if (why !== undefined) return why;
    } else if (typeof here === 'object' && here !== null) {
      if (level === mostLevels) return `is nested in more than ${mostLevels} levels`;
      if (Array.isArray(here)) for (const item of here) waiting.push([item, level + 1]);
      else for (const [key, item] of Object.entries(here)) waiting.push([key, level + 1], [item, level + 1]);
    }
  }
  return undefined;
}

function unstorableText(text: string): string | undefined {
  // PostgreSQL's text has no NUL, and its JSON no half of a surrogate pair.
  if (text.includes('\0')) return 'has a NUL character, which is not allowed';
  return text.isWellFormed() ? undefined : 'has half of a surrogate pair, which is no character';
}
