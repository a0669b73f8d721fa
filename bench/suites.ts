/** What can be measured, service by service. */
import type { Suite } from './cases.ts';
import { identity } from './suites/identity.ts';

export const suites: readonly Suite[] = [identity];

export function suitesOf(names: string | undefined): readonly Suite[] {
  if (names === undefined) return suites;
  return names.split(',').map((name) => {
    const found = suites.find(({ service }) => service === name);
    if (!found) throw new Error(`There is nothing to measure of ${name}: there is ${suites.map(({ service }) => service).join(', ')}`);
    return found;
  });
}
