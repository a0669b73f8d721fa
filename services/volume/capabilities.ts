/** Whether a pool can do what a type asks of it: cinder/scheduler/filters/capabilities_filter.py, extra_specs_ops.py. */
export type Capabilities = Readonly<Record<string, string | number | boolean>>;

export function satisfies(capabilities: Capabilities, extraSpecs: Readonly<Record<string, string>>): boolean {
  return Object.entries(extraSpecs).every(([key, wanted]) => {
    const scope = key.split(':');
    // What is scoped otherwise is for a driver to read.
    if (scope.length > 1 && scope[0] !== 'capabilities') return true;
    const name = scope.at(-1)!;
    return Object.hasOwn(capabilities, name) && matches(capabilities[name]!, wanted);
  });
}

const numeric: Record<string, (one: number, other: number) => boolean> = { '=': (one, other) => one >= other, '==': (one, other) => one === other, '!=': (one, other) => one !== other, '>=': (one, other) => one >= other, '<=': (one, other) => one <= other };
const textual: Record<string, (one: string, other: string) => boolean> = {
  's==': (one, other) => one === other,
  's!=': (one, other) => one !== other,
  's<': (one, other) => one < other,
  's<=': (one, other) => one <= other,
  's>': (one, other) => one > other,
  's>=': (one, other) => one >= other,
  '<in>': (one, other) => one.includes(other),
  '<is>': (one, other) => isTrue(one) === isTrue(other),
};

function matches(value: string | number | boolean, wanted: string): boolean {
  const [operator = '', operand] = wanted.trim().split(/\s+/);
  const text = String(value);
  if (operator === '<or>') return wanted.split('<or>').some((each) => each.trim() === text);
  if (operator in numeric) return operand !== undefined && numeric[operator]!(Number(value), Number(operand));
  if (operator in textual) return operand !== undefined && textual[operator]!(text, operand);
  return text === wanted;
}

function isTrue(text: string): boolean {
  return ['1', 't', 'true', 'on', 'y', 'yes'].includes(text.toLowerCase());
}
