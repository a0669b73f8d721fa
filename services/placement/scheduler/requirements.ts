/** What flavors and operators write of values that a host must have: nova/scheduler/filters/extra_specs_ops.py */

/** Whether the value is as `wanted` says: `<in> abc`, `>= 3`, `s== x`, `<or> a <or> b`; without an operator, the same text. */
export function meets(value: string, wanted: string): boolean {
  const words = wanted.trim().split(/\s+/);
  const [operator = ''] = words;
  const rest = words.slice(1);
  const compare = comparisons[operator];
  if (compare) return compare(value, rest.join(' '));
  if (operator === '<in>') return value.includes(rest.join(' '));
  if (operator === '<all-in>') return rest.every((word) => value.includes(word));
  // Values follow the word that stands before each of them.
  if (operator === '<or>') return words.some((word, index) => word === '<or>' && words[index + 1] === value);
  return value === wanted;
}

const numbers = (isRight: (one: number, other: number) => boolean) => (value: string, wanted: string) => isRight(Number(value), Number(wanted));

const comparisons: Record<string, (value: string, wanted: string) => boolean> = {
  // "equal to or greater than", for what is counted.
  '=': numbers((one, other) => one >= other),
  '==': numbers((one, other) => one === other),
  '!=': numbers((one, other) => one !== other),
  '>=': numbers((one, other) => one >= other),
  '<=': numbers((one, other) => one <= other),
  's==': (one, other) => one === other,
  's!=': (one, other) => one !== other,
  's<': (one, other) => one < other,
  's<=': (one, other) => one <= other,
  's>': (one, other) => one > other,
  's>=': (one, other) => one >= other,
};
