/** The thread that hashes passwords (hashing.ts starts it): what else there is to do on its processor comes first. */
import { argon2Sync } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { Hashing } from './hashing.ts';

// Linux keeps a priority for each thread; its number is the last part of <process>/task/<thread>.
setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), constants.priority.PRIORITY_LOW);

parentPort!.on('message', ({ message, salt, memoryKiB, passes }: Hashing) => {
  parentPort!.postMessage(argon2Sync('argon2id', { message, nonce: salt, parallelism: 1, tagLength: 32, memory: memoryKiB, passes }));
});
