/**
 * A partner's OpenStack as a region of ours: Keystone v3 and the services of its catalog, spoken to by our own contracts.
 *
 * Only this driver knows that the machines are elsewhere. Nothing there is found by name: what of ours is what there is
 * in the handles, and what the handles do not know is found by a tag that was written down before it was made.
 */
import type { Clock, Random } from '../../kit/clock.ts';
import { serialised } from '../../kit/serial.ts';
import { DriverError, type BlobStore, type Driver } from '../driver.ts';
import { counterpartsAfter } from './counterparts.ts';
import type { HandleStore } from './handles.ts';
import { hostDriver } from './hosts.ts';
import { forgetImage } from './images.ts';
import { networkDriver } from './network/driver.ts';
import { openPartner, type Credential } from './partner.ts';
import { part } from './parting.ts';
import { openProjects } from './projects.ts';
import { quarantined } from './quarantine.ts';
import { translated } from './refusals.ts';
import type { Capacity, Region } from './region.ts';
import { serverDriver } from './servers.ts';
import { volumeDriver } from './volumes.ts';

export type OpenstackOptions = {
  /** Keystone's address. */
  authUrl: string;
  /** The region of the partner's catalog. */
  region: string;
  credential: Credential;
  interface?: 'public' | 'internal';
  /** The domain of the credential's user, by name. */
  userDomain: string;
  /** The domain there in which our projects are made. */
  domainId: string;
  /** The role that we give ourselves in them. Without: `admin` where we have it, because addresses and MACs are said by us, and else `manager`. */
  role?: string;
  /** The partner's network to the outside, by the id that it has there. */
  externalNetwork: string | null;
  capacity: Capacity;
  handles: HandleStore;
  blobs: BlobStore;
  clock: Clock;
  random: Random;
  fetch?: typeof fetch;
  timeoutMs?: number;
};

export type OpenstackDriver = Driver & {
  /** Leaves nothing of ours at the partner; refuses while something is there that is to be used, or that nobody knows. */
  part(): Promise<void>;
};

export function makeOpenstackDriver(options: OpenstackOptions): OpenstackDriver {
  const { handles, clock, random, capacity } = options;
  const serial = serialised<string>();
  const shared = serialised<string>();
  const partner = openPartner(options);
  let closing: Promise<void> | undefined;

  const region: Region = {
    partner, handles, clock, random, capacity,
    projects: openProjects({ partner, handles, clock, random, capacity, domainId: options.domainId, role: options.role }),
    blobs: options.blobs,
    externalNetwork: options.externalNetwork,
    async call(things, work) {
      if (closing) throw new DriverError('unavailable', 'The driver is closed');
      try {
        return await serial.runAll(things.map(({ kind, id }) => `${kind}/${id}`), work);
      } catch (error) {
        throw asDriverError(error);
      }
    },
    once: ({ kind, id }, work) => shared.run(`${kind}/${id}`, work),
  };

  const volumes = volumeDriver(region);
  const driver: Driver = {
    name: 'openstack',
    hosts: hostDriver(region, { name: options.region, address: new URL(options.authUrl).hostname }),
    images: { forget: ({ sha256 }) => region.call([{ kind: 'image', id: sha256 }], () => region.once({ kind: 'image', id: sha256 }, () => forgetImage(region, sha256))) },
    volumes,
    networks: networkDriver(region),
    servers: serverDriver(region, volumes),
    consoles: { open: ({ serverId }) => Promise.reject(new DriverError('invalid', `The console of server ${serverId} is seen at the partner’s only`)) },
    quarantine: { list: () => quarantined(region) },
    counterparts: { list: ({ number }) => region.call([], () => counterpartsAfter(handles, number)) },
    close: () => (closing ??= serial.runAlone(() => undefined)),
  };
  return { ...driver, part: () => part(region, driver) };
}

/** The one place where what a partner, the database or the file system say becomes what a driver says. */
function asDriverError(error: unknown): unknown {
  const said = translated(error);
  if (said instanceof DriverError || !(said instanceof Error)) return said;
  const isFull = 'code' in said && said.code === 'ENOSPC';
  const isAway = ['DatabaseUnavailable', 'UnknownOutcome'].includes(said.name);
  return new DriverError(isFull ? 'exhausted' : isAway ? 'unavailable' : 'failed', said.message, { cause: said });
}
