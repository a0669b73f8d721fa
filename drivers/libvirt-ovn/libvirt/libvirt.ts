/** libvirt as this driver needs it: a connection that is made again when it broke, and one function a procedure. */
import { DriverError } from '../../driver.ts';
import { connectLibvirt, LibvirtError, type LibvirtConnection } from './connection.ts';
import {
  affect, blockCopyFlags, blockResizeFlags, errorCode, eventId, lifecycleEvent, procedure, rebootFlags, shutdownFlags, undefineFlags, xmlFlags,
} from './protocol.ts';
import { element, toText } from '../xml.ts';
import { XdrWriter, type XdrReader } from './xdr.ts';

export type Domain = { name: string; uuid: string };
export type DomainEvent =
  | { kind: 'lifecycle'; uuid: string; event: keyof typeof lifecycleEvent; detail: number }
  /** It was reset, by its guest or from outside. */
  | { kind: 'reboot'; uuid: string }
  | { kind: 'device-removed'; uuid: string; alias: string };
export type BlockJob = { cursor: bigint; end: bigint };

export type Libvirt = ReturnType<typeof createLibvirt>;

/** Connects at the first call, and again after a break. A call that was under way when it broke fails as `unavailable`. */
export function createLibvirt({ socketPath, onEvent = () => {} }: { socketPath: string; onEvent?: (event: DomainEvent) => void }) {
  let connection: Promise<LibvirtConnection> | null = null;
  let isClosed = false;
  const watchers = new Set<(event: DomainEvent) => void>([onEvent]);

  function connect(): Promise<LibvirtConnection> {
    if (isClosed) return Promise.reject(new DriverError('unavailable', 'libvirt is not spoken to any more'));
    if (connection) return connection;
    const attempt = connectLibvirt({ socketPath, onEvent: (proc, payload) => tell(proc, payload) }).then(async (made) => {
      for (const id of Object.values(eventId)) await made.call(procedure.eventCallbackRegister, new XdrWriter().int(id).uint(0));
      return made;
    });
    connection = attempt;
    const forget = () => {
      if (connection === attempt) connection = null;
    };
    attempt.then(({ ended }) => ended.then(forget), forget);
    return attempt;
  }

  function tell(proc: number, payload: XdrReader): void {
    const event = readEvent(proc, payload);
    if (event) for (const watch of watchers) watch(event);
  }

  /** A mistake of ours or a refusal is `failed`; what is gone is `missing`; what may pass is `unavailable`. */
  async function call(proc: number, args: XdrWriter, options?: { timeoutMs?: number }): Promise<XdrReader> {
    const made = await connect();
    try {
      return await made.call(proc, args, options);
    } catch (cause) {
      if (cause instanceof LibvirtError) throw new DriverError(kindOf(cause), `libvirt: ${cause.message}`, { cause });
      throw cause;
    }
  }

  const onDomain = (proc: number, domain: Domain, args: (writer: XdrWriter) => XdrWriter = (writer) => writer, options?: { timeoutMs?: number }) =>
    call(proc, args(writeDomain(domain)), options);

  return {
    /** Calls `watch` for every event until the returned function is called. Events may be lost when the connection breaks. */
    watch(watch: (event: DomainEvent) => void): () => void {
      watchers.add(watch);
      return () => void watchers.delete(watch);
    },
    async version(): Promise<{ libvirt: number; hypervisor: number }> {
      const library = Number((await call(procedure.connectGetLibVersion, new XdrWriter())).hyper());
      // The first to ask waits until every emulator has been asked what it can do.
      return { libvirt: library, hypervisor: Number((await call(procedure.connectGetVersion, new XdrWriter(), { timeoutMs: 90_000 })).hyper()) };
    },
    async hostname(): Promise<string> {
      return (await call(procedure.connectGetHostname, new XdrWriter())).string();
    },
    async listDomains(): Promise<Domain[]> {
      return (await call(procedure.connectListAllDomains, new XdrWriter().int(1).uint(0))).list(readDomain);
    },
    async findDomain(uuid: string): Promise<Domain | undefined> {
      try {
        return readDomain(await call(procedure.domainLookupByUuid, new XdrWriter().fixed(uuidBytes(uuid))));
      } catch (error) {
        if (isLibvirtError(error, errorCode.noDomain)) return undefined;
        throw error;
      }
    },
    async define(xml: string): Promise<Domain> {
      return readDomain(await call(procedure.domainDefineXmlFlags, new XdrWriter().string(xml).uint(0), { timeoutMs: 90_000 }));
    },
    async undefine(domain: Domain): Promise<void> {
      await onDomain(procedure.domainUndefineFlags, domain, (w) => w.uint(undefineFlags.managedSave | undefineFlags.snapshotsMetadata | undefineFlags.nvram));
    },
    /** Starts it, from its saved memory when there is one. */
    async start(domain: Domain): Promise<void> {
      await onDomain(procedure.domainCreateWithFlags, domain, (w) => w.uint(0), { timeoutMs: 60_000 });
    },
    async destroy(domain: Domain): Promise<void> {
      await onDomain(procedure.domainDestroyFlags, domain, (w) => w.uint(0), { timeoutMs: 60_000 });
    },
    async askToPowerOff(domain: Domain): Promise<void> {
      await onDomain(procedure.domainShutdownFlags, domain, (w) => w.uint(shutdownFlags.acpi));
    },
    async askToReboot(domain: Domain): Promise<void> {
      await onDomain(procedure.domainReboot, domain, (w) => w.uint(rebootFlags.acpi));
    },
    async suspend(domain: Domain): Promise<void> {
      await onDomain(procedure.domainSuspend, domain);
    },
    async resume(domain: Domain): Promise<void> {
      await onDomain(procedure.domainResume, domain);
    },
    /** Writes its memory to a file and stops it. */
    async save(domain: Domain): Promise<void> {
      await onDomain(procedure.domainManagedSave, domain, (w) => w.uint(0), { timeoutMs: 300_000 });
    },
    async isSaved(domain: Domain): Promise<boolean> {
      return (await onDomain(procedure.domainHasManagedSaveImage, domain, (w) => w.uint(0))).int() === 1;
    },
    async dropSave(domain: Domain): Promise<void> {
      await onDomain(procedure.domainManagedSaveRemove, domain, (w) => w.uint(0));
    },
    async state(domain: Domain): Promise<{ state: number; reason: number }> {
      const reply = await onDomain(procedure.domainGetState, domain, (w) => w.uint(0));
      return { state: reply.int(), reason: reply.int() };
    },
    async xml(domain: Domain, { inactive = false }: { inactive?: boolean } = {}): Promise<string> {
      return (await onDomain(procedure.domainGetXml, domain, (w) => w.uint(inactive ? xmlFlags.inactive : 0))).string();
    },
    /** Into the running machine; its definition is ours to write anew. */
    async attachDevice(domain: Domain, xml: string): Promise<void> {
      await onDomain(procedure.domainAttachDeviceFlags, domain, (w) => w.string(xml).uint(affect.live), { timeoutMs: 30_000 });
    },
    /** Asks the guest to let go of it: it has gone when the event says so, or the machine's XML no longer shows it. */
    async detachDevice(domain: Domain, xml: string): Promise<void> {
      await onDomain(procedure.domainDetachDeviceFlags, domain, (w) => w.string(xml).uint(affect.live), { timeoutMs: 30_000 });
    },
    async resizeBlock(domain: Domain, device: string, bytes: bigint): Promise<void> {
      await onDomain(procedure.domainBlockResize, domain, (w) => w.string(device).hyper(bytes).uint(blockResizeFlags.bytes), { timeoutMs: 30_000 });
    },
    /** Starts to mirror a disk into a file that exists already; the mirror is complete when the job's cursor has reached its end. */
    async copyBlock(domain: Domain, device: string, destinationXml: string): Promise<void> {
      const flags = blockCopyFlags.reuseExternal | blockCopyFlags.transientJob;
      await onDomain(procedure.domainBlockCopy, domain, (w) => w.string(device).string(destinationXml).uint(0).uint(flags), { timeoutMs: 30_000 });
    },
    async blockJob(domain: Domain, device: string): Promise<BlockJob | undefined> {
      const reply = await onDomain(procedure.domainGetBlockJobInfo, domain, (w) => w.string(device).uint(0));
      const found = reply.int() === 1;
      reply.int(); // its type
      reply.hyper(); // its bandwidth
      return found ? { cursor: reply.hyper(), end: reply.hyper() } : undefined;
    },
    /** Ends the mirror: what the disk held at this moment stays in the copy. */
    async endBlockJob(domain: Domain, device: string): Promise<void> {
      await onDomain(procedure.domainBlockJobAbort, domain, (w) => w.string(device).uint(0), { timeoutMs: 60_000 });
    },
    /** Kept in libvirt's memory, and shown to no client. */
    async defineSecret(uuid: string, value: string): Promise<void> {
      const xml = toText(element('secret', { ephemeral: 'yes', private: 'yes' }, element('uuid', {}, uuid)));
      await call(procedure.secretDefineXml, new XdrWriter().string(xml).uint(0));
      await call(procedure.secretSetValue, writeSecret(uuid).string(value).uint(0));
    },
    /** Twice is once. */
    async undefineSecret(uuid: string): Promise<void> {
      try {
        await call(procedure.secretUndefine, writeSecret(uuid));
      } catch (error) {
        if (!isLibvirtError(error, errorCode.noSecret)) throw error;
      }
    },
    async close(): Promise<void> {
      isClosed = true;
      const closing = connection;
      connection = null;
      if (!closing) return;
      const made = await closing.catch((error: unknown) => {
        if (error instanceof DriverError || error instanceof LibvirtError) return null; // It never opened: nothing to close.
        throw error;
      });
      await made?.close();
    },
  };
}

export function isLibvirtError(error: unknown, code: number): boolean {
  return error instanceof DriverError && error.cause instanceof LibvirtError && error.cause.code === code;
}

function kindOf({ code, message }: LibvirtError): DriverError['kind'] {
  // QEMU's own refusal to start comes as text.
  if (/Cannot allocate memory|No space left on device/.test(message)) return 'exhausted';
  switch (code) {
    case errorCode.noDomain: return 'missing';
    case errorCode.noMemory: return 'exhausted';
    case errorCode.noConnect:
    case errorCode.operationTimeout: return 'unavailable';
    default: return 'failed';
  }
}

function readEvent(proc: number, payload: XdrReader): DomainEvent | undefined {
  if (proc !== procedure.eventCallbackLifecycle && proc !== procedure.eventCallbackReboot && proc !== procedure.eventCallbackDeviceRemoved) return undefined;
  payload.int(); // the callback's id: one callback an event is registered
  const { uuid } = readDomain(payload);
  if (proc === procedure.eventCallbackReboot) return { kind: 'reboot', uuid };
  if (proc === procedure.eventCallbackDeviceRemoved) return { kind: 'device-removed', uuid, alias: payload.string() };
  const number = payload.int();
  const event = (Object.keys(lifecycleEvent) as (keyof typeof lifecycleEvent)[]).find((name) => lifecycleEvent[name] === number);
  return event && { kind: 'lifecycle', uuid, event, detail: payload.int() };
}

function readDomain(reader: XdrReader): Domain {
  const name = reader.string();
  const uuid = reader.fixed(16).toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  reader.int(); // the number of its present run
  return { name, uuid };
}

function writeDomain({ name, uuid }: Domain): XdrWriter {
  // libvirtd finds it by its uuid; the number only matters to clients that keep one.
  return new XdrWriter().string(name).fixed(uuidBytes(uuid)).int(-1);
}

/** It is found by its uuid; it has no use besides that would name it. */
function writeSecret(uuid: string): XdrWriter {
  return new XdrWriter().fixed(uuidBytes(uuid)).int(0).string('');
}

function uuidBytes(uuid: string): Buffer {
  const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
  if (bytes.length !== 16) throw new DriverError('invalid', `${JSON.stringify(uuid)} is no UUID`);
  return bytes;
}
