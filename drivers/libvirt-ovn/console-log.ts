/** What a guest writes to its serial port: a file that is kept short, whatever the guest does. */
import { constants } from 'node:fs';
import { chown, copyFile, open, stat, truncate } from 'node:fs/promises';
import { DriverError } from '../driver.ts';

const maxBytes = 2 ** 20;

/** The file must be there before QEMU starts: QEMU's user makes none in that folder. */
export async function ensureConsoleFile(path: string, user: { uid: number; gid: number }): Promise<void> {
  await (await open(path, constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600)).close();
  await chown(path, user.uid, user.gid);
}

/** Keeps what was written before the last cut and after it: between one and two times the bound. */
export async function boundConsoleFile(path: string): Promise<void> {
  const { size } = await stat(path).catch(whenAbsent({ size: 0 }));
  if (size <= maxBytes) return;
  await copyFile(path, `${path}.1`);
  // QEMU appends, so its next byte follows the new end. A few lines between copy and cut may be lost.
  await truncate(path, 0);
}

/** The last lines, or all that is kept. */
export async function readConsole(path: string, lines?: number): Promise<string> {
  const text = (await tail(`${path}.1`)) + (await tail(path));
  if (lines === undefined) return text;
  if (lines <= 0) return '';
  const end = text.endsWith('\n') ? text.length - 1 : text.length;
  let start = end;
  for (let left = lines; left > 0 && start >= 0; left--) start = text.lastIndexOf('\n', start - 1);
  return text.slice(start + 1);
}

async function tail(path: string): Promise<string> {
  let file;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new DriverError('failed', `Cannot read the console ${path}`, { cause: error });
  }
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - 2 * maxBytes);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(size - start), position: start });
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function whenAbsent<T>(otherwise: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return otherwise;
    throw error;
  };
}
