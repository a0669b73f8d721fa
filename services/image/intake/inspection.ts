/** Decides about an image: runs inside the jail, over bytes and nothing else. */
import { readArchive, windowOf, type Extent } from './archive.ts';
import { UnsafeImage, type DiskFile } from './disk-file.ts';
import { detectFormats } from './format.ts';
import { readForeign } from './foreign-formats.ts';
import { inspectQcow2 } from './qcow2.ts';

/** What the owner says that it is: `disk_format` of the image, or `ova:` and the format of the disks in the archive. */
export type InspectionOrder = { declared: string; maxVirtualSizeBytes: number };

/**
 * `foreign`: sound, of another maker, and to be converted before it boots. `archive`: it has these disks, each of them sound,
 * which are so large together.
 */
export type Inspection =
  | { verdict: 'safe'; format: 'raw' | 'qcow2' | 'foreign'; virtualSizeBytes: number }
  | { verdict: 'safe'; format: 'archive'; virtualSizeBytes: number; disks: Extent[] }
  | { verdict: 'unsafe'; reason: string };

export const archived = 'ova:';

/** Nobody declares it: what a driver has captured of a locked disk, whose clusters are ciphertext. */
export const lockedDisk = 'locked qcow2';

/** Disk formats in which an image boots here. Others may be registered, and are refused when their bytes come. */
export const bootableFormats = ['raw', 'gpt', 'iso', 'qcow2'] as const;

export function inspect(file: DiskFile, order: InspectionOrder): Inspection {
  try {
    return judge(file, order);
  } catch (error) {
    if (error instanceof UnsafeImage) return { verdict: 'unsafe', reason: error.message };
    throw error;
  }
}

type Sound = Exclude<Inspection, { verdict: 'unsafe' }>;

function judge(file: DiskFile, { declared, maxVirtualSizeBytes }: InspectionOrder): Sound {
  if (file.sizeBytes === 0) throw new UnsafeImage('The image is empty.');
  const found = detectFormats(file);
  if (found.length > 1) throw new UnsafeImage(`The image can be read as several formats (${found.join(', ')}).`);
  const [detected] = found;
  // glance/location.py, set_data: these words.
  const mismatch = () => new UnsafeImage(`Image disk_format ${declared} does not match stream data ${detected}`);
  if (declared.startsWith(archived)) {
    if (detected !== 'raw') throw mismatch();
    const disks = readArchive(file);
    const sizes = disks.map((disk) => judge(windowOf(file, disk), { declared: declared.slice(archived.length), maxVirtualSizeBytes }).virtualSizeBytes);
    return { verdict: 'safe', format: 'archive', virtualSizeBytes: sizes.reduce((sum, size) => sum + size, 0), disks };
  }
  switch (declared) {
    case 'qcow2':
      if (detected !== 'qcow2') throw mismatch();
      return { verdict: 'safe', format: 'qcow2', virtualSizeBytes: inspectQcow2(file, { maxVirtualSizeBytes }) };
    case lockedDisk:
      if (detected !== 'qcow2') throw mismatch();
      return { verdict: 'safe', format: 'qcow2', virtualSizeBytes: inspectQcow2(file, { maxVirtualSizeBytes, locked: true }) };
    case 'gpt':
      if (detected !== 'raw' || !hasPartitionTable(file)) throw mismatch();
      return raw(file, maxVirtualSizeBytes);
    // What Xen boots with, which has no format of its own: glance/location.py, set_data.
    case 'ami':
    case 'ari':
    case 'aki':
    case 'raw':
      if (detected !== 'raw') throw mismatch();
      return raw(file, maxVirtualSizeBytes);
    case 'iso':
      if (detected !== 'iso') throw mismatch();
      return raw(file, maxVirtualSizeBytes);
    case 'vmdk':
    case 'vhd':
    case 'vhdx':
    case 'vdi': {
      if (detected !== declared) throw mismatch();
      const disk = readForeign(file, declared, { maxVirtualSizeBytes });
      // Every table is looked through; what is wrong in one is thrown.
      for (const _piece of disk.pieces);
      return { verdict: 'safe', format: 'foreign', virtualSizeBytes: disk.virtualSizeBytes };
    }
    default:
      throw new UnsafeImage(`Images of disk_format ${declared} cannot be booted in this cloud. Convert it first: qemu-img convert -O qcow2 <from> <to>`);
  }
}

function raw(file: DiskFile, maxVirtualSizeBytes: number): Sound {
  if (file.sizeBytes > maxVirtualSizeBytes) throw new UnsafeImage(`The disk of ${file.sizeBytes} bytes is larger than the ${maxVirtualSizeBytes} bytes that are allowed.`);
  return { verdict: 'safe', format: 'raw', virtualSizeBytes: file.sizeBytes };
}

/** A master boot record whose partitions have possible flags, as every GPT disk has one too: oslo_utils' GPTInspector. */
function hasPartitionTable(file: DiskFile): boolean {
  const sector = file.read(0, 512);
  if (sector.length < 512 || sector.readUInt16LE(510) !== 0xaa55) return false;
  return [446, 462, 478, 494].every((at) => sector[at] === 0 || sector[at] === 0x80) && [450, 466, 482, 498].some((at) => sector[at] !== 0);
}
