/** The drive labelled config-2, by which a guest learns about itself without a network. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { GuestMetadata } from '../driver.ts';
import { run } from './command.ts';
import { configDriveFiles } from './metadata/documents.ts';

/** Writes an ISO 9660 image. What it holds may be secret: nobody but root sees the parts. */
export async function writeConfigDrive(path: string, metadata: GuestMetadata): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'intercloud-config-'));
  try {
    for (const file of configDriveFiles(metadata)) {
      await mkdir(dirname(join(folder, file.path)), { recursive: true });
      await writeFile(join(folder, file.path), file.content);
    }
    await run('genisoimage', ['-quiet', '-J', '-R', '-l', '-V', 'config-2', '-o', path, folder]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
