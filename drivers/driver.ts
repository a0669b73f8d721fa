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

export type VolumeSpec = {
  id: string;
  projectId: string;
  generation: number;
  sizeGiB: number;
  /** Growing it replaces what is on the volume by what the source holds; 0 without. Never while a server uses it. */
  epoch?: number;
  source:
    | { kind: 'empty' }
    | { kind: 'image'; image: VettedImage }
    | { kind: 'volume'; volumeId: string }
    | { kind: 'snapshot'; snapshotId: string };
};

export type VolumeDriver = {
  /** Makes the volume, or finds it; a larger size than it has extends it (while in use too); a smaller one is `invalid`. */
  ensure(volume: VolumeSpec): Promise<void>;
  /** Deletes the volume's data. `failed` while a server uses it. */
  remove(volume: { id: string; generation: number }): Promise<void>;
  /** A point-in-time copy that later writes to the volume do not change. */
  ensureSnapshot(snapshot: { id: string; projectId: string; volumeId: string; generation: number }): Promise<void>;
  removeSnapshot(snapshot: { id: string; volumeId: string; generation: number }): Promise<void>;
  /** Writes the content of the volume, or of this snapshot of it, to the incoming folder as qcow2. */
  capture(capture: { volumeId: string; snapshotId?: string; upload: string }): Promise<CapturedImage>;
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
  /** Attached besides the root disk, in order of device name. */
  volumes: { volumeId: string; device: string }[];
  /** In the order in which the guest sees them. */
  nics: { portId: string; networkId: string; mac: string; mtu: number; addresses: string[] }[];
  /** Also on a drive labelled config-2. */
  configDrive: boolean;
  metadata: GuestMetadata;
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
};

export type ServerState = {
  id: string;
  hostId: string;
  generation: number;
  /** `crashed`: its process ended without being told to. */
  power: PowerState | 'crashed';
  volumes: string[];
  nics: string[];
};

export type ServerDriver = {
  /** Makes the machine be as specified: defined, disks and interfaces attached (hot when it runs), in this power state. */
  ensure(server: ServerSpec): Promise<ServerState>;
  /** Stops the machine and deletes its disks (not its volumes), interfaces and what was written about it. */
  remove(server: { id: string; hostId: string; generation: number }): Promise<void>;
  /** Asks the guest to restart. `failed` when it does not run. */
  reboot(server: { id: string; hostId: string; generation: number }): Promise<void>;
  /** Asks the guest to power off; returns when it has, or after `seconds` by force. */
  shutdown(server: { id: string; hostId: string; generation: number; seconds: number }): Promise<void>;
  /** The last lines that the guest wrote to its serial console; all of them without `lines`. */
  consoleLog(server: { id: string; hostId: string; lines?: number }): Promise<string>;
  /** Writes the root disk's content to the incoming folder as qcow2, the machine running or not. */
  capture(capture: { id: string; hostId: string; upload: string }): Promise<CapturedImage>;
  /** All machines that exist on the hosts, wanted or not. */
  list(): Promise<ServerState[]>;
};

// Networks

/** The region's network as it should be, resource by resource: a projection of the database. */
export type NetworkResource = NetworkSpec | RouterSpec | FloatingIpSpec | SecurityGroupSpec | PortSpec;

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
  subnets: SubnetSpec[];
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
  gateway: { portId: string; networkId: string; mac: string; addresses: string[]; nextHops: string[]; snat: boolean } | null;
  routes: { destination: string; nextHop: string }[];
};

export type FloatingIpSpec = {
  kind: 'floating-ip';
  id: string;
  projectId: string;
  generation: number;
  routerId: string;
  externalAddress: string;
  internalAddress: string;
  portId: string;
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
  qos?: { limits: { direction: 'ingress' | 'egress'; kbps: number; /** 0: as the driver sees fit. */ burstKbps: number }[]; dscp: number | null } | null;
  /** The host that binds it, when one does. */
  hostId: string | null;
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
};
