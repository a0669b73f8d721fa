/** The formats of other makers, by Glance's names. */
import type { DiskFile } from './disk-file.ts';
import type { ForeignDisk, ForeignLimits } from './foreign-disk.ts';
import { readVdi } from './vdi.ts';
import { readVhd } from './vhd.ts';
import { readVhdx } from './vhdx.ts';
import { readVmdk } from './vmdk.ts';

const readers = { vmdk: readVmdk, vhd: readVhd, vhdx: readVhdx, vdi: readVdi } as const;
export type ForeignFormat = keyof typeof readers;

export function isForeign(format: string | null): format is ForeignFormat {
  return format !== null && Object.hasOwn(readers, format);
}

/** Throws `UnsafeImage` for what is wrong with it; also while its pieces are walked. */
export function readForeign(file: DiskFile, format: ForeignFormat, limits: ForeignLimits): ForeignDisk {
  return readers[format](file, limits);
}
