/** What one cloud on one machine is: the folder that holds all of it, and how it was started. */
import { createHash } from 'node:crypto';
import { chownSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { BucketPlace } from '../kit/s3/bucket.ts';
import type { SimulatedHost } from './host-shape.ts';

export const driverNames = ['libvirt-ovn', 'simulated'] as const;
/** A partner's cloud needs to be agreed upon before it can be a region: it is none that one can merely choose. */
export type DriverName = (typeof driverNames)[number] | 'openstack';

/** A partner's cloud and what was agreed with it: as its driver wants to be told (drivers/openstack/open.ts). The secret is in a file of its own. */
export type PartnerSettings = {
  authUrl: string;
  region: string;
  interface?: 'public' | 'internal';
  credential: { kind: 'password'; user: string; userDomain: string; project?: { name: string; domain: string } } | { kind: 'application-credential'; id: string };
  domainId: string;
  role?: string;
  externalNetwork: { id: string; cidr: string; gateway: string } | null;
  capacity: { vcpus: number; memoryMiB: number; diskGiB: number };
};

export type CloudConfig = {
  /** Six hexadecimal digits, unique per state folder: names what cannot live in the folder (interfaces, namespaces). */
  cloudId: string;
  stateDir: string;
  driver: DriverName;
  /** Simulated hosts; one for real ones. */
  hosts: number;
  /** What each simulated host is made of. Without: as usual. */
  hostShape?: SimulatedHost;
  host: string;
  port: number;
  region: string;
  /** `embedded`, or the URL of a PostgreSQL server's database that may make further ones. */
  database: string;
  tls: { certificate: string; key: string; authority: string | null } | null;
  /** Who runs what needs no root rights; null: whoever started the cloud. */
  account: { uid: number; gid: number } | null;
  externalNetwork: { cidr: string; gateway: string };
  /** The bucket that the bytes of objects are in. None: they are in the folder. */
  objectStore?: BucketPlace;
  /** Further regions that this machine keeps beside the first one. */
  regions: readonly RegionSettings[];
  /** Of a region that is not home's own: where home answers. Null: home is here, with the first region. */
  home: { url: string; /** Who vouches for its certificate, when no machine knows that. */ authority: string | null } | null;
  /** Whose cloud it is, for the driver `openstack`. */
  partner?: PartnerSettings;
  /** Where machines come in that are to be its hosts too. Without: nobody comes in. */
  gate?: GateAddress & { /** Of real hosts: the port of the loopback where their southbound database lets them in. */ southboundPort?: number };
  /** This machine is nothing but a host of a region elsewhere: no cloud of its own. */
  member?: { hostId: string; name: string; region: string; gate: GateAddress; /** Of a real host. */ tunnels?: { /** By which other hosts reach it. */ address: string; /** The port of the loopback that leads to the southbound database. */ southboundPort: number } };
  /** By how much its time is ahead of the machine's: to rehearse what happens among clouds whose clocks differ. */
  clockAheadSeconds?: number;
};

export type GateAddress = { host: string; port: number };

/** What is a further region's own; all else it has from its cloud. */
export type RegionSettings = Pick<CloudConfig, 'driver' | 'hosts' | 'port' | 'partner'> & { name: string };

export type Layout = ReturnType<typeof layoutOf>;

/** Where things are below the state folder. */
export function layoutOf(stateDir: string) {
  const at = (...parts: string[]) => join(stateDir, ...parts);
  return {
    config: at('cloud.json'),
    run: at('run'),
    log: at('log'),
    cache: at('cache'),
    secrets: at('secrets'),
    adminPassword: at('secrets', 'admin-password'),
    /** What home's database is sealed by: one a line, the newest first. */
    cloudKeys: at('secrets', 'cloud-keys'),
    tls: at('tls'),
    /** Of partners' own host names: `<name>.crt` and `<name>.key`. */
    hostCertificates: at('tls', 'hosts'),
    /** Authorities that are trusted beside everybody's: `<name>.pem`. */
    trusted: at('tls', 'trusted'),
    /** All of them in one file, for the processes. */
    authorities: at('run', 'authorities.pem'),
    postgres: at('postgres'),
    postgresAddress: at('run', 'postgres.json'),
    blobs: at('blobs'),
    objects: at('objects'),
    /** By which the bucket of the objects' bytes is opened. */
    objectStoreKey: at('secrets', 'object-store'),
    agent: at('agent'),
    agentSocket: at('run', 'agent.sock'),
    supervisorSocket: at('run', 'supervisor.sock'),
    cloudsYaml: at('clouds.yaml'),
    guestImage: at('cache', 'guest', 'guest.qcow2'),
    /** Whose the gate for hosts is: its socket, at which it serves all hosts of the region as one, and its key. */
    hosts: at('hosts'),
    /** There from the moment that it was opened first. */
    gateOpen: at('hosts', 'open'),
    hostsSocket: at('hosts', 'driver.sock'),
    gateKey: at('hosts', 'gate.key'),
    gateCertificate: at('tls', 'gate.pem'),
    /** What hosts' certificates come from. */
    hostAuthority: at('tls', 'host-authority.pem'),
    hostAuthorityKey: at('secrets', 'host-authority.key'),
    /** What the southbound database shows to hosts, or a host to that: alike at both ends. */
    southboundKey: at('secrets', 'southbound.key'),
    southboundCertificate: at('tls', 'southbound.pem'),
    /** How a host proves to its region who it is. */
    hostIdentity: at('secrets', 'host.json'),
    /** By which a partner knows us. */
    partnerSecret: at('secrets', 'partner'),
    /** How a region that is not home's own proves at home who it is. */
    homeLink: at('secrets', 'home.json'),
    /** Who may do what, where the operator wants it otherwise than it comes. */
    rules: at('policy.yaml'),
    regions: at('regions'),
  };
}

/** Packages, unpacked engines and built images are the machine's, not one cloud's. */
export const machineCache = '/var/cache/intercloud';

/** The state folder that this user means: given, or the usual place. */
export function stateDirOf(given: string | undefined): string {
  const fallback = process.getuid?.() === 0 ? '/var/lib/intercloud' : join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'intercloud');
  return resolve(given ?? process.env['INTERCLOUD_STATE'] ?? fallback);
}

export function cloudIdOf(stateDir: string): string {
  return createHash('sha256').update(stateDir).digest('hex').slice(0, 6);
}

/** A /24 of 172.16.0.0/12 chosen by the cloud's id, so that clouds on one machine do not meet. */
export function externalNetworkOf(cloudId: string): { cidr: string; gateway: string } {
  const number = Number.parseInt(cloudId.slice(0, 4), 16);
  const prefix = `172.${24 + (number % 7)}.${(number >> 3) % 256}`;
  return { cidr: `${prefix}.0/24`, gateway: `${prefix}.1` };
}

export function readConfig(stateDir: string): CloudConfig | undefined {
  try {
    // A cloud that was made before there were regions has none.
    const kept = JSON.parse(readFileSync(layoutOf(stateDir).config, 'utf8')) as Omit<CloudConfig, 'regions' | 'home'> & Partial<Pick<CloudConfig, 'regions' | 'home'>>;
    return { regions: [], home: null, ...kept };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A further region as a cloud of its own that has its home elsewhere: its folder is below its cloud's. */
export function configOfRegion(cloud: CloudConfig, name: string): CloudConfig {
  const settings = cloud.regions.find((each) => each.name === name);
  if (!settings) throw new Error(`The cloud of ${cloud.stateDir} keeps no region ${name}`);
  const { driver, hosts, port, partner } = settings;
  // Hosts come to the first region only, so far.
  const { gate: _, ...shared } = cloud;
  const outside = partner?.externalNetwork;
  const stateDir = join(layoutOf(cloud.stateDir).regions, name);
  const cloudId = cloudIdOf(stateDir);
  return { ...shared, cloudId, stateDir, driver, hosts, port, region: name, regions: [], home: { url: baseUrl(cloud), authority: cloud.tls?.authority ?? null }, externalNetwork: outside ? { cidr: outside.cidr, gateway: outside.gateway } : externalNetworkOf(cloudId), ...(partner ? { partner } : {}) };
}

export function writeConfig(config: CloudConfig): void {
  const { config: path } = layoutOf(config.stateDir);
  mkdirSync(config.stateDir, { recursive: true });
  // The URL of a database may hold its password: for us, and for the account that serves.
  writeFileSync(`${path}.new`, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o640 });
  if (config.account) chownSync(`${path}.new`, -1, config.account.gid);
  renameSync(`${path}.new`, path);
}

export function baseUrl(config: CloudConfig): string {
  // Clients on this machine; from elsewhere the same port at the machine's name.
  const host = config.host === '0.0.0.0' || config.host === '::' ? '127.0.0.1' : config.host;
  return `${config.tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${config.port}`;
}

export const homeDatabaseName = 'intercloud_home';

/** Two regions whose names give one database cannot be in one cloud. */
export function regionDatabaseName(region: string): string {
  return `intercloud_region_${region.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}`;
}

/** The databases that this machine's processes of a cloud use. */
export function databasesOf(config: CloudConfig): string[] {
  return [...(config.home === null ? [homeDatabaseName] : []), ...[config.region, ...config.regions.map(({ name }) => name)].map(regionDatabaseName)];
}
