/** How the command line talks to the supervisor: one line of JSON each way, on a socket that only its owner can open. */
import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { createInterface } from 'node:readline';
import type { GateAddress, RegionSettings } from './config.ts';
import type { DaemonState } from './daemons.ts';
import type { ProcessState } from './process.ts';

export type Phase = 'starting' | 'up' | 'stopping';
export type Status = { phase: Phase; pid: number; since: string; processes: ProcessState[]; engines: DaemonState[] };
export type Command = { command: 'status' } | { command: 'down' } | { command: 'add region'; region: RegionSettings } | { command: 'remove region'; name: string } | { command: 'part from'; name: string } | { command: 'open gate'; gate: GateAddress };

// Machines are saved before a cloud is down, one after another; a region's first start may install packages.
const answerWithinMs: Record<Command['command'], number> = { status: 10_000, down: 1_800_000, 'add region': 900_000, 'remove region': 900_000, 'part from': 900_000, 'open gate': 90_000 };

/** Takes the place of a supervisor that was killed: whoever calls holds the cloud's lock. */
export function serveControl(path: string, handle: (command: Command) => Promise<unknown>): Promise<Server> {
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    createInterface({ input: socket }).on('line', (line) => {
      let command: Command;
      try {
        command = JSON.parse(line) as Command;
      } catch {
        socket.end(`${JSON.stringify({ error: 'not a line of JSON' })}\n`);
        return;
      }
      handle(command).then(
        (answer) => socket.end(`${JSON.stringify({ answer })}\n`),
        (error: unknown) => socket.end(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`),
      );
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      chmodSync(path, 0o600);
      resolve(server);
    });
  });
}

/** Undefined when no supervisor answers there: the cloud is down. */
export function askSupervisor<T>(path: string, command: Command): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    const withinMs = answerWithinMs[command.command];
    socket.setTimeout(withinMs, () => socket.destroy(new Error(`The supervisor did not answer in ${withinMs / 1000} s`)));
    socket.on('connect', () => socket.write(`${JSON.stringify(command)}\n`));
    socket.on('data', (data) => (text += data.toString()));
    socket.on('end', () => {
      // It was killed while it was asked: what it kept is gone with it.
      if (text === '') return resolve(undefined);
      const reply = JSON.parse(text) as { answer: T; error?: string };
      if (reply.error === undefined) resolve(reply.answer);
      else reject(new Error(reply.error));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(error.code ?? '')) resolve(undefined);
      else reject(error);
    });
  });
}
