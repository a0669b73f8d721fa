/** One connection to libvirtd: calls multiplexed by serial number, each with a deadline; events handed on as they come. */
import { createConnection, type Socket } from 'node:net';
import { DriverError } from '../../driver.ts';
import { keepalive, keepaliveProgram, messageStatus, messageType, procedure, protocolVersion, remoteProgram } from './protocol.ts';
import { XdrReader, XdrWriter } from './xdr.ts';

/** libvirt's own refusal. `code` is a virErrorNumber. */
export class LibvirtError extends Error {
  override name = 'LibvirtError';
  readonly code: number;
  readonly domain: number;

  constructor(code: number, domain: number, message: string) {
    super(message);
    this.code = code;
    this.domain = domain;
  }
}

export type LibvirtConnection = {
  call(procedure: number, args: XdrWriter, options?: { timeoutMs?: number }): Promise<XdrReader>;
  /** Settles when the connection has ended, for whatever reason. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
};

type Call = { resolve: (reader: XdrReader) => void; reject: (error: Error) => void; timer: NodeJS.Timeout };

// VIR_NET_MESSAGE_MAX has grown over the years, to 32 MiB.
const maxMessageBytes = 32 * 1024 * 1024;
const headerBytes = 28;

/** Connects and opens the driver behind `uri`. */
export async function connectLibvirt({
  socketPath,
  uri = 'qemu:///system',
  timeoutMs = 10_000,
  onEvent = () => {},
}: {
  socketPath: string;
  uri?: string;
  timeoutMs?: number;
  onEvent?: (procedure: number, payload: XdrReader) => void;
}): Promise<LibvirtConnection> {
  const socket = await connected(socketPath, timeoutMs);
  const calls = new Map<number, Call>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let lastSerial = 0;
  let received: Buffer = Buffer.alloc(0);

  const stop = (reason: DriverError) => {
    socket.destroy();
    for (const { reject, timer } of calls.values()) {
      clearTimeout(timer);
      reject(reason);
    }
    calls.clear();
    end();
  };
  socket.on('error', (cause) => stop(new DriverError('unavailable', 'The connection to libvirtd broke', { cause })));
  socket.on('close', () => stop(new DriverError('unavailable', 'libvirtd closed the connection')));
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    while (received.length >= 4) {
      const length = received.readUInt32BE();
      if (length < headerBytes || length > maxMessageBytes) return stop(new DriverError('failed', `libvirtd sent a message of ${length} bytes`));
      if (received.length < length) return;
      const message = received.subarray(4, length);
      received = received.subarray(length);
      try {
        receive(message);
      } catch (cause) {
        return stop(new DriverError('failed', 'libvirtd sent a message that cannot be read', { cause }));
      }
    }
  });

  function receive(message: Buffer): void {
    const reader = new XdrReader(message);
    const [program, , proc, type, serial, status] = [reader.uint(), reader.uint(), reader.int(), reader.int(), reader.uint(), reader.int()];
    if (program === keepaliveProgram) {
      if (proc === keepalive.ping) send({ program: keepaliveProgram, proc: keepalive.pong, type: messageType.message, serial: 0, args: new XdrWriter() });
      return;
    }
    if (type === messageType.message) return onEvent(proc, reader);
    const call = calls.get(serial);
    if (type !== messageType.reply || !call) return; // The answer to a call that was given up.
    calls.delete(serial);
    clearTimeout(call.timer);
    if (status === messageStatus.ok) call.resolve(reader);
    else call.reject(readError(reader));
  }

  function send({ program, proc, type, serial, args }: { program: number; proc: number; type: number; serial: number; args: XdrWriter }): void {
    const payload = args.bytes();
    const header = new XdrWriter().uint(headerBytes + payload.length).uint(program).uint(protocolVersion).int(proc).int(type).uint(serial).int(messageStatus.ok);
    socket.write(Buffer.concat([header.bytes(), payload]));
  }

  function call(proc: number, args: XdrWriter, { timeoutMs: patience = timeoutMs }: { timeoutMs?: number } = {}): Promise<XdrReader> {
    const { promise, resolve, reject } = Promise.withResolvers<XdrReader>();
    if (socket.destroyed) return Promise.reject(new DriverError('unavailable', 'The connection to libvirtd is closed'));
    const serial = ++lastSerial;
    const timer = setTimeout(() => {
      calls.delete(serial);
      reject(new DriverError('unavailable', `libvirtd did not answer call ${proc} within ${patience} ms`));
    }, patience);
    calls.set(serial, { resolve, reject, timer });
    send({ program: remoteProgram, proc, type: messageType.call, serial, args });
    return promise;
  }

  const connection: LibvirtConnection = {
    call,
    ended,
    async close() {
      if (!socket.destroyed) {
        // libvirtd releases what the connection held when it hears this or when the socket ends; the second always follows.
        await call(procedure.connectClose, new XdrWriter(), { timeoutMs: 1_000 }).catch((error: unknown) => {
          if (!(error instanceof DriverError)) throw error;
        });
      }
      stop(new DriverError('unavailable', 'The connection to libvirtd was closed here'));
    },
  };
  try {
    const methods = (await call(procedure.authList, new XdrWriter())).list((reader) => reader.int());
    if (methods.some((method) => method !== 0)) throw new DriverError('invalid', 'libvirtd wants its clients to authenticate: auth_unix_rw must be "none"');
    await call(procedure.connectOpen, new XdrWriter().optionalString(uri).uint(0));
  } catch (error) {
    stop(new DriverError('unavailable', 'libvirtd did not open'));
    throw error;
  }
  return connection;
}

function connected(path: string, timeoutMs: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = createConnection({ path });
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no answer')));
  socket.once('error', (cause) => reject(new DriverError('unavailable', `libvirtd is not reached at ${path}`, { cause })));
  socket.once('connect', () => {
    socket.setTimeout(0);
    socket.removeAllListeners('error');
    resolve(socket);
  });
  return promise;
}

function readError(reader: XdrReader): LibvirtError {
  const code = reader.int();
  const domain = reader.int();
  return new LibvirtError(code, domain, reader.optionalString() ?? `libvirt's error ${code}`);
}
