/**
 * How keys of locked disks reach QEMU: never by a command line, which every process of the host can read, never by a file, which may be
 * found after us. Its own programs are told one key for once through their standard input, and by that one the disks' keys; libvirt
 * holds a secret in memory, readable by nobody, for as long as a call lasts.
 */
import { createCipheriv, randomBytes } from 'node:crypto';
import { DriverError, type DiskEncryption, type DiskKeys } from '../driver.ts';
import type { Libvirt } from './libvirt/libvirt.ts';

/** What opens the disk of this volume or snapshot. */
export type Lock = DiskEncryption & { id: string; key: string };

/** The name that the n-th of the keys has in the program's other arguments. */
export const secretName = (index: number) => `key${index}`;

/** Of QEMU's programs: to be run by `withInput`. https://qemu.readthedocs.io/en/v7.2.0/system/secrets.html */
export function secretArguments(keys: readonly string[]): { args: string[]; input: string } {
  const once = randomBytes(32);
  const locked = keys.flatMap((key, index) => {
    const iv = randomBytes(16);
    const encrypt = createCipheriv('aes-256-cbc', once, iv);
    const data = Buffer.concat([encrypt.update(key, 'utf8'), encrypt.final()]).toString('base64');
    return ['--object', `secret,id=${secretName(index)},data=${data},keyid=once,iv=${iv.toString('base64')},format=base64`];
  });
  return { args: ['--object', 'secret,id=once,file=/dev/stdin,format=base64', ...locked], input: `${once.toString('base64')}\n` };
}

/** Hands its input on through a pipe that belongs to whoever runs it: what Node makes is a socket, which nobody can open by name. */
export function withInput(program: string, args: readonly string[]): string[] {
  return ['/bin/sh', '-ec', 'read -r line; exec "$@" <<END\n$line\nEND', program, program, ...args];
}

/** The key of a disk that is locked. */
export function keyOf(keys: DiskKeys | undefined, id: string): string {
  const key = keys?.[id];
  if (key === undefined) throw new DriverError('invalid', `The disk ${id} is locked, and there is no key for it`);
  return key;
}

/** libvirt knows these while the work lasts, each by the id of what it opens. A machine that has started with them does not need them again. */
export async function whileKnown<T>(libvirt: Libvirt, keys: DiskKeys, work: () => Promise<T>): Promise<T> {
  const told: string[] = [];
  try {
    for (const [id, key] of Object.entries(keys)) {
      told.push(id);
      await libvirt.defineSecret(id, key);
    }
    return await work();
  } finally {
    for (const id of told) await libvirt.undefineSecret(id);
  }
}
