/** What a guest's disks are called. */

/** `vda`, `vdb`, … `vdz`, `vdaa` */
export function nextDevice(taken: readonly string[]): string {
  for (let number = 0; ; number++) {
    const name = `vd${letters(number)}`;
    if (!taken.includes(name)) return name;
  }
}

function letters(number: number): string {
  return (number >= 26 ? letters(Math.floor(number / 26) - 1) : '') + String.fromCharCode(97 + (number % 26));
}
