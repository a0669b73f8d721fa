/** libvirt's remote protocol: numbers as in libvirt's src/remote/remote_protocol.x, src/rpc/virnetprotocol.x and include/libvirt/*.h. */

export const remoteProgram = 0x20008086;
export const keepaliveProgram = 0x6b656570;
export const protocolVersion = 1;

export const procedure = {
  connectOpen: 1,
  connectClose: 2,
  connectGetVersion: 4,
  connectGetHostname: 59,
  authList: 66,
  secretDefineXml: 142,
  secretSetValue: 144,
  secretUndefine: 146,
  connectGetLibVersion: 157,
  domainGetXml: 14,
  domainLookupByUuid: 24,
  domainReboot: 27,
  domainResume: 28,
  domainSuspend: 34,
  domainAttachDeviceFlags: 160,
  domainDetachDeviceFlags: 161,
  domainManagedSave: 182,
  domainHasManagedSaveImage: 183,
  domainManagedSaveRemove: 184,
  domainCreateWithFlags: 196,
  domainGetState: 212,
  domainUndefineFlags: 231,
  domainDestroyFlags: 234,
  domainBlockJobAbort: 237,
  domainGetBlockJobInfo: 238,
  domainReset: 245,
  domainBlockResize: 251,
  domainShutdownFlags: 258,
  connectListAllDomains: 273,
  eventCallbackRegister: 316,
  eventCallbackLifecycle: 318,
  eventCallbackReboot: 319,
  eventCallbackDeviceRemoved: 333,
  domainBlockCopy: 345,
  domainDefineXmlFlags: 350,
} as const;

export const messageType = { call: 0, reply: 1, message: 2 } as const;
export const messageStatus = { ok: 0, error: 1 } as const;
export const keepalive = { ping: 1, pong: 2 } as const;

/** virDomainState */
export const domainState = { none: 0, running: 1, blocked: 2, paused: 3, shutdown: 4, shutoff: 5, crashed: 6, suspended: 7 } as const;
/** virDomainShutoffReason */
export const shutoffReason = { unknown: 0, shutdown: 1, destroyed: 2, crashed: 3, migrated: 4, saved: 5, failed: 6, fromSnapshot: 7, daemon: 8 } as const;
/** virDomainPausedReason: set by us or by an error of the disk. */
export const pausedReason = { user: 1, ioError: 5 } as const;

/** virDomainModificationImpact, used for devices. */
export const affect = { live: 1, config: 2 } as const;
export const createFlags = { bypassCache: 2 } as const;
export const undefineFlags = { managedSave: 1, snapshotsMetadata: 2, nvram: 4 } as const;
export const shutdownFlags = { acpi: 1 } as const;
export const rebootFlags = { acpi: 1 } as const;
export const xmlFlags = { inactive: 2 } as const;
export const blockResizeFlags = { bytes: 1 } as const;
export const blockCopyFlags = { reuseExternal: 2, transientJob: 4 } as const;

export const eventId = { lifecycle: 0, reboot: 1, deviceRemoved: 15 } as const;
/** virDomainEventType */
export const lifecycleEvent = { defined: 0, undefined: 1, started: 2, suspended: 3, resumed: 4, stopped: 5, shutdown: 6, pmSuspended: 7, crashed: 8 } as const;

/** virErrorNumber: only what is decided upon. */
export const errorCode = {
  internal: 1,
  noMemory: 2,
  noConnect: 5,
  invalidArgument: 8,
  operationFailed: 9,
  systemError: 38,
  noDomain: 42,
  operationInvalid: 55,
  noSecret: 66,
  operationTimeout: 68,
  deviceMissing: 99,
} as const;
