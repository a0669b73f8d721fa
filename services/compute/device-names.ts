/** What a guest's disks are called. */
import { badRequest } from '../../kit/fault.ts';

/** `vda`, `vdb`, … `vdz`, `vdaa` */
export function nextDevice(taken: readonly string[], prefix = 'vd'): string {
  for (let number = 0; ; number++) {
    // An IDE controller has two lines of two, and one is the config drive's.
    if (prefix === 'hd' && number > 2) throw badRequest("No free disk device names for prefix 'hd'");
    const name = `${prefix}${letters(number)}`;
    if (!taken.includes(name)) return name;
  }
}

function letters(number: number): string {
  return (number >= 26 ? letters(Math.floor(number / 26) - 1) : '') + String.fromCharCode(97 + (number % 26));
}
