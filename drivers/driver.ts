/**
 * What every region can be asked: the only file of this room that others may import.
 *
 * Level-triggered: a caller says what should be (`ensure`) or should not be (`remove`), and may say it
 * again at any time; saying it twice changes nothing. Everything that crosses this line is plain JSON,
 * so that `agent/remote.ts` can carry the same interface over a wire.
 *
 * `generation` grows with every change of intent for one resource. A driver refuses a generation
 * lower than the newest it has seen for that resource (`stale`), and handles calls about one
 * resource one after another, in the order in which they came.
 */

import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';

/** Why a driver did not do it. `message` is for the operator; tenants see only the kind. */
export class DriverError extends Error {
  override name = 'DriverError';
  readonly kind: DriverErrorKind;

  constructor(kind: DriverErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.kind = kind;
  }
}

export type DriverErrorKind =
  | 'unavailable' //  not reached, or not ready: ask again later
  | 'stale' //        a newer generation has been seen: the caller's intent is out of date
  | 'missing' //      what the call is about, or what it needs, is not there
  | 'exhausted' //    no room: disk, memory, addresses
  | 'invalid' //      the specification cannot be met here, ever
  | 'failed'; //      the engine tried and could not

export type Driver = {
  readonly name: string;
  readonly hosts: HostDriver;
  readonly images: ImageDriver;
  readonly volumes: VolumeDriver;
  readonly networks: NetworkDriver;
  readonly servers: ServerDriver;
  readonly consoles: ConsoleDriver;
  readonly quarantine: Quarantine;
  readonly counterparts: Counterparts;
  /** Lets go of sockets and timers; what runs goes on running. */
  close(): Promise<void>;
};

// What is nobody's

/** In a place that is ours at somebody else's, and not known to be ours: shown, charged to nobody, removed by a person only. */
export type Quarantined = {
  kind: 'server' | 'volume' | 'snapshot' | 'image' | 'network' | 'subnet' | 'router' | 'port' | 'security-group' | 'floating-ip';
  /** What it is called there. */
  remoteId: string;
  /** Ours, in whose place there it is. */
  projectId: string;
  /** Which of our things it says to be: a second one of that, or one of an earlier attempt. Null: it does not say. */
  says: string | null;
};

export type Quarantine = {
  /** Nothing, for a driver of hosts that are ours: what they have, the other lists tell. */
  list(): Promise<Quarantined[]>;
};

// What is what elsewhere

/** One of ours and what it is called at somebody else's. Of a flavor `id` is its size there: `2-4096-20`. */
export type Counterpart = { /** In the order in which they became known. */ number: number; kind: 'project' | 'server' | 'volume' | 'snapshot' | 'flavor'; id: string; remoteId: string };

export type Counterparts = {
  /** Those after that number, also of what is gone, the earliest first and not all at once. Nothing, for a driver of hosts that are ours. */
  list(after: { number: number }): Promise<Counterpart[]>;
};

// Hosts

export type HostDriver = {
  /** The hosts of this region as they are now. */
  list(): Promise<HostReport[]>;
};

export type HostReport = {
  id: string;
  hostname: string;
  hypervisorType: string;
  /** As Nova writes it: major * 1,000,000 + minor * 1,000 + release. */
  hypervisorVersion: number;
  address: string;
  cpuModel: string;
  architecture: string;
  vcpus: number;
  memoryMiB: number;
  diskGiB: number;
  freeDiskGiB: number;
  /** Since when it has been running, where that is known: an ISO time. */
  startedAt?: string;
  /** Its processors and memory are promised to us whole: nothing is kept back, and nothing is promised twice. */
  contracted?: true;
  /** A machine of its own: servers come there and leave switched off only, and none has volumes of the region. */
  apart?: true;
  /** Into how many cells of processors with their own memory it falls, where guests can be held to them: evenly, by their numbers. */
  numaCells?: number;
  /** Of its vcpus, those that are handed to one guest each: the last ones of each cell. Without: none. */
  ownVcpus?: number;
  /** Devices that it can hand to guests: by what flavors call them, how many. */
  devices?: Readonly<Record<string, number>>;
};

// Images

declare const vetted: unique symbol;

/** Bytes that the intake has inspected: nothing else may reach an engine (ATTACKS 1-7). */
export type VettedImage = {
  readonly imageId: string;
  /** Names the bytes: lower-case hex. */
  readonly sha256: string;
  readonly format: 'raw' | 'qcow2';
  readonly sizeBytes: number;
  readonly virtualSizeBytes: number;
  /** Only the intake can make one. */
  readonly [vetted]: true;
};

/** A disk's content flattened into a qcow2 file in the blob store's incoming folder, waiting for the intake. */
export type CapturedImage = { upload: string; format: 'qcow2'; sizeBytes: number };

export type ImageDriver = {
  /** Drops the hosts' cached copies of these bytes; no disk depends on them any more. */
  forget(image: { sha256: string }): Promise<void>;
};

/** Where images' bytes are: handed to a driver by whoever makes it. */
export type BlobStore = {
  /** A local read-only file with these bytes. `missing` when there is none. */
  path(sha256: string): Promise<string>;
  /** Where a capture named `upload` is to be written. */
  incomingPath(upload: string): string;
};

// Volumes

/**
 * What the disks that a call is about are locked with, by the ids of their volumes and snapshots. Handed over with the call and kept
 * for as long as it lasts: no driver writes it down, and none says it in an error.
 */
export type DiskKeys = Readonly<Record<string, string>>;

/** How what is on a disk is made unreadable to whoever has no key for it. */
export type DiskEncryption = { cipher: 'aes-128-xts' | 'aes-256-xts' };

export type VolumeSpec = {
  id: string;
  projectId: string;
  generation: number;
  sizeGiB: number;
  /** Growing it replaces what is on the volume by what the source holds; 0 without. Never while a server uses it. */
  epoch?: number;
  /** Several servers may write to it at once, which know how to. Without: as it was, and at first not. Changed only while none uses it. */
  shared?: boolean;
  /** What is on the storage is ciphertext; null: it is not. Without: as it was, and at first not. Changed only while none uses it. */
  encryption?: DiskEncryption | null;
  /** Its own, and its source's where that is locked too. */
  keys?: DiskKeys;
  source:
    | { kind: 'empty' }
    /** `lockedAs`: it is what was captured of a locked disk, and is opened by the key of this id. */
    | { kind: 'image'; image: VettedImage; lockedAs?: string }
    | { kind: 'volume'; volumeId: string }
    | { kind: 'snapshot'; snapshotId: string };
};

export type VolumeDriver = {
  /** Makes the volume, or finds it; a larger size than it has extends it (while in use too); a smaller one is `invalid`. */
  ensure(volume: VolumeSpec): Promise<void>;
  /** Deletes the volume's data. `failed` while a server uses it. */
  remove(volume: { id: string; generation: number }): Promise<void>;
  /** A point-in-time copy that later writes to the volume do not change. `failed` while several servers use it. Of a locked volume it is locked too, by a key of its own. */
  ensureSnapshot(snapshot: { id: string; projectId: string; volumeId: string; generation: number; keys?: DiskKeys }): Promise<void>;
  removeSnapshot(snapshot: { id: string; volumeId: string; generation: number }): Promise<void>;
  /** Writes the content of the volume, or of this snapshot of it, to the incoming folder as qcow2: readable, also where the disk is not. `locked`: as unreadable as it is, and opened by the same key; `invalid` of a disk that is not locked. */
  capture(capture: { volumeId: string; snapshotId?: string; upload: string; keys?: DiskKeys; locked?: boolean }): Promise<CapturedImage>;
  /** All volumes and snapshots that exist on the storage, wanted or not. */
  list(): Promise<{ volumes: { id: string; sizeGiB: number }[]; snapshots: { id: string; volumeId: string }[] }>;
};

// Servers

export type PowerState = 'running' | 'stopped' | 'paused' | 'suspended';

export type ServerSpec = {
  id: string;
  generation: number;
  hostId: string;
  power: PowerState;
  vcpus: number;
  memoryMiB: number;
  /** Growing this number restarts the machine from power-off (hard reboot). */
  bootEpoch: number;
  rootDisk:
    /** Growing `epoch` makes the disk anew from the image (rebuild). `sizeGiB` 0: as large as the image. */
    | { kind: 'image'; image: VettedImage; sizeGiB: number; epoch: number }
    | { kind: 'volume'; volumeId: string };
  /** While it is there, the machine starts from this image instead, with its root disk as this device beside it; changed with the boot epoch only. */
  rescue?: { image: VettedImage; rootDevice: string };
  /** As what the root disk is seen by the guest; without: `/dev/vda`. */
  rootDevice?: string;
  /** Where it is not the usual machine; of one that runs it is changed with the next start. */
  hardware?: GuestHardware;
  /** Of the host, besides the root disk: empty at first, changed while the machine is off, gone with it. */
  localDisks?: LocalDiskSpec[];
  /** Attached besides the root disk, in order of device name. */
  volumes: { volumeId: string; device: string }[];
  /** Of those of its volumes that are locked. */
  keys?: DiskKeys;
  /** Of its processors and memory, each to one cell of the host; `processors`: of the host, by those of the guest that have one for themselves. Without: wherever there is room. */
  cells?: { cell: number; vcpus: number[]; memoryMiB: number; processors: Record<string, number> }[];
  /** In the order in which the guest sees them. */
  nics: { portId: string; networkId: string; mac: string; mtu: number; addresses: string[] }[];
  /** Also on a drive labelled config-2. */
  configDrive: boolean;
  metadata: GuestMetadata;
};

/** `name` is its own within the machine, and what a guest finds it by. A larger size keeps what is on it, except of swap. Growing `epoch` makes it anew. */
export type LocalDiskSpec = { name: string; device: string; sizeMiB: number; /** As what it is made ready; null: it stays empty. */ format: 'ext2' | 'ext3' | 'ext4' | 'swap' | null; epoch: number };

/** What differs from the usual machine: an i440FX with a BIOS, virtio disks and interfaces, one serial line, a VGA and a source of randomness. */
export type GuestHardware = {
  /** As QEMU calls it: `q35`, `pc-i440fx-7.2`. */
  machine?: string;
  firmware?: 'uefi';
  /** It starts only what Microsoft's keys have signed; a q35 with UEFI then, whatever else is said. */
  secureBoot?: true;
  /** Of all disks. */
  diskBus?: string;
  /** Of the config drive. */
  cdromBus?: string;
  scsiModel?: string;
  nicModel?: string;
  /** Of each interface, virtio only. */
  nicQueues?: number;
  /** `none`: it has no screen. */
  video?: string;
  videoMiB?: number;
  /** Null: none. */
  randomness?: { bytes: number; periodMs: number } | null;
  /** What happens when the guest has not fed it. */
  watchdog?: string;
  bootMenu?: true;
  processors?: { sockets: number; cores: number; threads: number };
  /** The guest is not told that it is one. */
  hidden?: true;
  pmu?: boolean;
  /** The first is the console's. */
  serialPorts?: number;
  /** A pointer that knows where it is on the screen. */
  pointer?: 'usb' | 'virtio';
  /** A line to QEMU's agent in the guest. */
  agentChannel?: true;
  /** The clock shows local time, and it is told what it runs on. */
  windows?: true;
  /** Of each disk, as QEMU names them: `total_iops_sec`. */
  diskLimits?: Readonly<Record<string, number>>;
};

/** What a guest may learn about itself, by metadata service or config drive. */
export type GuestMetadata = {
  uuid: string;
  name: string;
  hostname: string;
  projectId: string;
  availabilityZone: string;
  launchIndex: number;
  /** Key pair name to public key text. */
  publicKeys: Record<string, string>;
  meta: Record<string, string>;
  adminPass: string | null;
  /** Base64, as the client sent it. */
  userData: string | null;
  /** OpenStack's network_data.json, made by the caller. */
  networkData: Record<string, unknown>;
  fixedIps: string[];
  floatingIps: string[];
  securityGroups: string[];
  instanceType: string;
  /** Those that its owner has given a name to. Without: none. */
  devices?: GuestDevice[];
  /** On the config drive alone, for the guest to put where they say. Without: none. */
  files?: GuestFile[];
};

/** `contents` in base64. */
export type GuestFile = { path: string; contents: string };

/** By what the guest finds a device, and what its owner calls it. */
export type GuestDevice = { type: 'nic'; mac: string; tags: string[] } | { type: 'disk'; serial: string; path: string; tags: string[] };

export type ServerState = {
  id: string;
  hostId: string;
  generation: number;
  /** `crashed`: its process ended without being told to. `unknown`: its host does not answer, so that it is neither there nor gone. */
  power: PowerState | 'crashed' | 'unknown';
  volumes: string[];
  nics: string[];
};

export type ServerDriver = {
  /** Makes the machine be as specified: defined, disks and interfaces attached (hot when it runs), in this power state. */
  ensure(server: ServerSpec): Promise<ServerState>;
  /** Stops the machine and deletes its disks (not its volumes), interfaces and what was written about it. */
  remove(server: { id: string; hostId: string; generation: number }): Promise<void>;
  /** Asks the guest to restart; returns when it has. `failed` when it does not run, or does not listen. */
  reboot(server: { id: string; hostId: string; generation: number }): Promise<void>;
  /** Asks the guest to power off; returns when it has, or after `seconds` by force. */
  shutdown(server: { id: string; hostId: string; generation: number; seconds: number }): Promise<void>;
  /** The last lines that the guest wrote to its serial console; all of them without `lines`. */
  consoleLog(server: { id: string; hostId: string; lines?: number }): Promise<string>;
  /** Writes the root disk's content to the incoming folder as qcow2, the machine running or not. */
  capture(capture: { id: string; hostId: string; upload: string; /** Of its root disk, when that is a locked volume. */ keys?: DiskKeys }): Promise<CapturedImage>;
  /** All machines that exist on the hosts, wanted or not. */
  list(): Promise<ServerState[]>;
};

// Consoles

/** `vnc`: its screen, keyboard and mouse, by RFB without a password. `serial`: its first serial line. */
export type ConsoleKind = 'vnc' | 'serial';
export type ConsoleAddress = { serverId: string; hostId: string; kind: ConsoleKind };

export type ConsoleDriver = {
  /**
   * Bytes from and to the machine, until either side ends them: the one call whose answer is not JSON. A serial line is one user's at a
   * time. `missing`: there is no such machine on that host, or it does not run. `invalid`: machines there have no such console.
   */
  open(console: ConsoleAddress): Promise<Duplex>;
};

// Networks

/** The region's network as it should be, resource by resource: a projection of the database. */
export type NetworkResource = NetworkSpec | RouterSpec | FloatingIpSpec | PortForwardingSpec | SecurityGroupSpec | PortSpec;

export type NetworkResourceRef = { kind: NetworkResource['kind']; id: string };

export type NetworkSpec = {
  kind: 'network';
  id: string;
  projectId: string;
  generation: number;
  adminUp: boolean;
  mtu: number;
  /** The physical network that it is bridged to, for an external or provider network. */
  physicalNetwork: string | null;
  /** In which VLAN of it, when it shares it with others. */
  vlan?: number | null;
  /** Further ones that it is bridged to: a host has it on those of them that it has. */
  otherPlaces?: { physicalNetwork: string; vlan: number | null }[];
  /** Guests of it have VLANs of their own there, which it carries. */
  vlanTransparent?: boolean;
  /** Its number among all that are no VLANs, by which hosts know it from one another's tunnels; without, whichever the driver gives it. */
  tunnel?: number | null;
  subnets: SubnetSpec[];
  /** In which its guests look for a name's rest. */
  domain?: string | null;
  /** Where guests of this network find the metadata service, and where DHCP answers from. */
  servicePort: { mac: string; addresses: { subnetId: string; address: string }[] } | null;
};

export type SubnetSpec = {
  id: string;
  version: 4 | 6;
  cidr: string;
  gateway: string | null;
  dhcp: boolean;
  /** How routers tell IPv6 guests to get addresses; nothing: by DHCPv6 where there is DHCP. `slaac` and `dhcpv6-stateless` guests make theirs from their MAC. */
  ipv6Mode?: 'slaac' | 'dhcpv6-stateless' | 'dhcpv6-stateful' | null;
  dnsServers: string[];
  hostRoutes: { destination: string; nextHop: string }[];
};

export type RouterSpec = {
  kind: 'router';
  id: string;
  projectId: string;
  generation: number;
  adminUp: boolean;
  interfaces: { portId: string; networkId: string; mac: string; addresses: string[] /* 10.0.0.1/24 */ }[];
  gateway: (WayOut & { snat: boolean; /** Egress goes outside. */ qos?: Qos | null }) | null;
  /** Beside it, with the same `snat`. They answer for their addresses; what leaves takes the first alone, unless `ecmp`. */
  otherGateways?: WayOut[];
  /** What leaves takes all of them, each connection one. */
  ecmp?: boolean;
  /** What leaves takes no next hop that does not say by BFD that it is there (RFC 5880). */
  bfd?: boolean;
  routes: { destination: string; nextHop: string }[];
  /** Only on these hosts is its way out; on any without. */
  gatewayHosts?: string[] | null;
  /** Each of those rather than the ones behind it; else in the order that every driver has. */
  inOrder?: true;
  /** False: on one host, and nowhere else when that is lost. */
  ha?: boolean;
  /** IPv6 addresses inside for which its way out answers who asks outside: there they are taken for neighbours. */
  proxied?: string[];
  /** What is counted of what passes its ways out, with the addresses that it has inside: a packet by the one of these that it fits and that is within all others that it fits. */
  counters?: TrafficCounter[];
};

/** Of any source or destination where it names none. Egress goes outside. */
export type TrafficCounter = { direction: 'ingress' | 'egress'; source: string | null; destination: string | null };

/** Every way out prefers another host, and the same one whoever asks. Those that may have it, the preferred first. */
export function gatewayOrder(hosts: readonly string[], id: string): string[] {
  const weight = (host: string): string => createHash('sha256').update(`${id} ${host}`).digest('hex');
  return [...hosts].sort((a, b) => (weight(a) < weight(b) ? -1 : 1)).slice(0, mostGatewayHosts);
}

/** As many as are looked at for each other: neutron/common/ovn/constants.py, MAX_GW_CHASSIS. */
const mostGatewayHosts = 5;

export type WayOut = { portId: string; networkId: string; mac: string; addresses: string[]; nextHops: string[] };

export type Qos = { limits: { direction: 'ingress' | 'egress'; kbps: number; /** 0: as the driver sees fit. */ burstKbps: number }[]; dscp: number | null };

export type FloatingIpSpec = {
  kind: 'floating-ip';
  id: string;
  projectId: string;
  generation: number;
  routerId: string;
  externalAddress: string;
  /** None: only port forwardings use it, and what is said here is how they are bounded. */
  internalAddress: string | null;
  portId: string | null;
  /** What bounds and marks its traffic where it passes the router's gateway, instead of the gateway's own; egress goes outside. */
  qos?: (Qos & { networkId: string; gatewayPortId: string }) | null;
};

/** One port of an external address, or a run of them, that leads through the router to one inside, or to as long a run. */
export type PortForwardingSpec = {
  kind: 'port-forwarding';
  id: string;
  projectId: string;
  generation: number;
  routerId: string;
  /** Those that the router joins: guests on them reach the external address too. */
  networkIds: string[];
  protocol: 'tcp' | 'udp';
  externalAddress: string;
  internalAddress: string;
  externalPorts: { first: number; last: number };
  internalPorts: { first: number; last: number };
};

export type SecurityGroupSpec = {
  kind: 'security-group';
  id: string;
  projectId: string;
  generation: number;
  stateful: boolean;
  rules: {
    id: string;
    direction: 'ingress' | 'egress';
    version: 4 | 6;
    /** Neutron's name ('tcp', 'icmp', 'ipv6-icmp', …) or a number as text; null is every protocol. */
    protocol: string | null;
    /** Ports; for icmp the type and the code. */
    portMin: number | null;
    portMax: number | null;
    remote: { kind: 'any' } | { kind: 'cidr'; cidr: string } | { kind: 'group'; id: string };
  }[];
  /** In which logs is written down what its rules let pass, and what no rule of any group of a member does. */
  log?: { accept?: string; drop?: string };
};

export type PortSpec = {
  kind: 'port';
  id: string;
  projectId: string;
  generation: number;
  networkId: string;
  adminUp: boolean;
  mac: string;
  addresses: { subnetId: string; address: string }[];
  portSecurity: boolean;
  allowedAddressPairs: { mac: string; address: string }[];
  securityGroups: string[];
  /** What bounds and marks its traffic; egress is what the guest sends. */
  qos?: Qos | null;
  /** What its guest is told by DHCP beyond its subnet's options, by Neutron's names; an empty value takes the subnet's away. `dhcp_disabled`: nothing is told. */
  dhcpOptions?: { version: 4 | 6; name: string; value: string }[];
  /** What the DNS of its network answers its addresses for, whole names and others; the first is what an address is asked back for. */
  dnsNames?: string[];
  /** It has no plug of its own: its packets go through another port, in this VLAN. */
  trunk?: { parentId: string; tag: number } | null;
  /** The host that binds it, when one does. */
  hostId: string | null;
  /** Where it may be plugged in as well, until it has moved there; nothing passes there before its guest speaks. */
  otherHosts?: string[];
  /** Addresses by which guests of its network on its own host reach it too: at `translatedTo`, or as they are, when its guest has them itself. Others on that host have them no more. */
  localIps?: { address: string; translatedTo: string | null }[];
  /** Those of its addresses that another port's `localIps` take where that one is. */
  takenAddresses?: string[];
};

/** One way in which the engine differs from the projection. */
export type NetworkDifference = { kind: 'missing' | 'unwanted' | 'differs'; resource: NetworkResourceRef; detail: string };

export type NetworkDriver = {
  /** Makes these resources be so; the rest stays as it is. One transaction in the engine. */
  ensure(resources: NetworkResource[]): Promise<void>;
  remove(resources: (NetworkResourceRef & { generation: number })[]): Promise<void>;
  /** Makes the engine hold exactly these resources and returns what had to be mended. */
  reconcile(resources: NetworkResource[]): Promise<NetworkDifference[]>;
  /** What `reconcile` would mend. */
  compare(resources: NetworkResource[]): Promise<NetworkDifference[]>;
  /** Which of these ports carry traffic now. */
  portsUp(portIds: string[]): Promise<string[]>;
  /** A number that is another one when somebody else may have changed the engine since. Always the same where that is not noticed. */
  edits(): Promise<number>;
  /** How far the routers' counters have come, each on each host that has counted. One that is made anew begins anew. */
  traffic(): Promise<(TrafficCounter & { routerId: string; hostId: string; packets: number; bytes: number })[]>;
};
