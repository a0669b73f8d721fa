/** Whether this host's KVM can be used: found out by using it, once, for /dev/kvm may be there and not work. */
import { execFile } from 'node:child_process';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DriverError } from '../driver.ts';
import { isThere } from './engine-programs.ts';
import { writeAtomically } from './records.ts';

export type Accelerator = 'kvm' | 'tcg';

/** The answer is kept in the file, for as long as the host runs the same kernel. */
export async function chooseAccelerator({ answerFile, emulator, user }: { answerFile: string; emulator: string; user: { uid: number; gid: number } }): Promise<Accelerator> {
  const kernel = (await readFile('/proc/version', 'utf8')).trim();
  if (await isThere(answerFile)) {
    const known = JSON.parse(await readFile(answerFile, 'utf8')) as { kernel: string; accelerator: Accelerator };
    if (known.kernel === kernel) return known.accelerator;
  }
  const accelerator = (await isThere('/dev/kvm')) && (await boots({ emulator, accelerator: 'kvm', cpu: 'host', user })) ? 'kvm' : 'tcg';
  await writeAtomically(answerFile, JSON.stringify({ kernel, accelerator }));
  return accelerator;
}

/** Whether a machine runs the probe to its end in time, when it is run as QEMU's user: /dev/kvm may be for root alone. */
export async function boots({ emulator, accelerator, cpu, user }: { emulator: string; accelerator: Accelerator; cpu: string; user: { uid: number; gid: number } }): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'intercloud-probe-'));
  try {
    const disk = join(folder, 'disk');
    await writeFile(disk, bootSector());
    await chown(disk, user.uid, user.gid);
    await chown(folder, user.uid, user.gid);
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const args = ['-accel', accelerator, '-machine', 'pc', '-cpu', cpu, '-m', '16', '-nodefaults', '-display', 'none', '-no-reboot'];
    const devices = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-drive', `file=${disk},format=raw,if=ide`];
    execFile(emulator, [...args, ...devices], { timeout: 5_000, killSignal: 'SIGKILL', uid: user.uid, gid: user.gid, cwd: folder }, (error) => {
      if (error?.code === 'ENOENT') reject(new DriverError('unavailable', `${emulator} is not installed`, { cause: error }));
      else resolve(error?.code === probeExitCode);
    });
    return await promise;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// isa-debug-exit ends QEMU with twice the value written to it, plus one.
const probeExitCode = 0x2a * 2 + 1;

/**
 * Goes into 64-bit mode, counts to a hundred million, uses `lock cmpxchg16b`, fxsave, SSE and fxrstor, switches page tables a thousand times
 * and writes 0x2a to port 0xf4. Emulated by TCG it takes 0.3 s. Where KVM itself emulates every instruction
 * (some nested hosts), the count does not end in time or one of those instructions stops the machine.
 */
function bootSector(): Buffer {
  const sector = Buffer.alloc(512 * 2048);
  probe.copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

const probe = Buffer.from(
  '+jHAjtiOwI7QvAB8/L8AELkADGYxwGbzq2bHBgAQAyAAAGbHBgAgAzAAAGbHBgAwgwAAAGa4ABAAAA8i2Ga4IAYAAA8i4Ga5gAAAwA8yZg0AAQAADzBmuBMAAIAPIsAPARbgfOppfAgA' +
    'uBAAAACO2I7AjtC8AHAAALkA4fUF/8l1/L8AgAAAMcAx0vBID8cPD64EJQCBAAAPKAQlAIEAAA+uDCUAgQAAuegDAAAPINgPItj/yXX2uCoAAADn9PTr/Q8fgAAAAAAAAAAAAAAAAAAA' +
    'AAAAmiAAAAAAAACSAAAXAMh8AAA=',
  'base64',
);
