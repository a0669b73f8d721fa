/** The operator's own rules, as a file: JSON, or the lines `"name": "rule"` that policy.yaml consists of. */
import type { Rules } from './policy.ts';

export class PolicyFileError extends Error {
  override name = 'PolicyFileError';
}

export function readRules(text: string, name: string): Rules {
  return text.trimStart().startsWith('{') ? fromJson(text, name) : fromLines(text, name);
}

function fromJson(text: string, name: string): Rules {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new PolicyFileError(`${name} is not JSON`, { cause });
  }
  const rules: Record<string, string> = {};
  for (const [rule, check] of Object.entries(parsed as object)) {
    if (typeof check !== 'string') throw new PolicyFileError(`${name}: the rule ${rule} must be text`);
    rules[rule] = check;
  }
  return rules;
}

/** What oslopolicy-sample-generator writes: comments, and one rule a line. Other YAML is refused rather than misread. */
function fromLines(text: string, name: string): Rules {
  const rules: Record<string, string> = {};
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#.*)?$/.test(line) || /^(---|\.\.\.)\s*$/.test(line)) continue;
    const found = /^(?:"([^"]+)"|'([^']+)'|([\w:.*-]+))\s*:\s+(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([^\s"'#[{&*!|>%@][^#]*?))\s*(?:#.*)?$/.exec(line);
    if (!found) throw new PolicyFileError(`${name}, line ${index + 1}: expected "name": "rule" on one line`);
    const rule = found[1] ?? found[2] ?? found[3]!;
    if (Object.hasOwn(rules, rule)) throw new PolicyFileError(`${name}, line ${index + 1}: ${rule} is there twice`);
    rules[rule] = found[4]?.replaceAll(/\\(.)/g, '$1') ?? found[5]?.replaceAll("''", "'") ?? found[6]!;
  }
  return rules;
}
