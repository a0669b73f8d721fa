/**
 * What an image's bytes are, whatever its owner says.
 *
 * The signatures are those of oslo_utils/imageutils/format_inspector.py (2025.1) and of QEMU's block drivers.
 */
import type { DiskFile } from './disk-file.ts';

export const detectable = ['qcow2', 'qcow', 'qed', 'vmdk', 'vhd', 'vhdx', 'vdi', 'luks', 'parallels', 'iso', 'bochs', 'dmg', 'raw'] as const;
export type DetectedFormat = (typeof detectable)[number];

type Signature = { format: DetectedFormat; at: (sizeBytes: number) => number; bytes: Buffer };

const start = () => 0;
const text = (characters: string) => Buffer.from(characters, 'latin1');

const signatures: readonly Signature[] = [
  { format: 'qcow2', at: start, bytes: text('QFI\xfb\x00\x00\x00\x02') },
  { format: 'qcow2', at: start, bytes: text('QFI\xfb\x00\x00\x00\x03') },
  // Version 1, and versions that do not exist.
  { format: 'qcow', at: start, bytes: text('QFI\xfb') },
  { format: 'qed', at: start, bytes: text('QED\0') },
  { format: 'vmdk', at: start, bytes: text('KDMV') },
  { format: 'vmdk', at: start, bytes: text('COWD') },
  { format: 'vmdk', at: start, bytes: text('# Disk DescriptorFile') },
  { format: 'vhd', at: start, bytes: text('conectix') },
  // A fixed VHD has no header, only this footer.
  { format: 'vhd', at: (sizeBytes) => sizeBytes - 512, bytes: text('conectix') },
  { format: 'vhdx', at: start, bytes: text('vhdxfile') },
  { format: 'vdi', at: () => 0x40, bytes: Buffer.from('7f10dabe', 'hex') },
  { format: 'luks', at: start, bytes: text('LUKS\xba\xbe') },
  { format: 'parallels', at: start, bytes: text('WithoutFreeSpace') },
  { format: 'parallels', at: start, bytes: text('WithouFreSpacExt') },
  { format: 'bochs', at: start, bytes: text('Bochs Virtual HD Image') },
  { format: 'dmg', at: (sizeBytes) => sizeBytes - 512, bytes: text('koly') },
  { format: 'iso', at: () => 0x8001, bytes: text('CD001') },
];

/** Every format as which some program could take these bytes; only `raw` when there is none. */
export function detectFormats(file: DiskFile): DetectedFormat[] {
  const found = new Set<DetectedFormat>();
  for (const { format, at, bytes } of signatures) {
    const offset = at(file.sizeBytes);
    if (offset >= 0 && file.read(offset, bytes.length).equals(bytes)) found.add(format);
  }
  if (found.has('qcow2')) found.delete('qcow');
  // QEMU looks for a VMDK descriptor behind comments and blank lines too: block/vmdk.c, vmdk_probe.
  if (/^(\s*#[^\n]*\n|\s*\n)*version=\d/.test(file.read(0, 2048).toString('latin1'))) found.add('vmdk');
  return found.size === 0 ? ['raw'] : [...found];
}
