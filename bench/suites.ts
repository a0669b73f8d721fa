/** What can be measured, service by service. */
import type { Suite } from './cases.ts';
import { identity } from './suites/identity.ts';
import { image } from './suites/image.ts';
import { network } from './suites/network.ts';
import { objectStore } from './suites/object-store.ts';
import { volume } from './suites/volume.ts';

export const suites: readonly Suite[] = [identity, image, volume, network, objectStore];

export function suitesOf(names: string | undefined): readonly Suite[] {
  if (names === undefined) return suites;
  return names.split(',').map((name) => {
    const found = suites.find(({ service }) => service === name);
    if (!found) throw new Error(`There is nothing to measure of ${name}: there is ${suites.map(({ service }) => service).join(', ')}`);
    return found;
  });
}
