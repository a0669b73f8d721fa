/** Opens the driver from what a region's configuration says, over the region's database. */
import type { Clock, Random } from '../../kit/clock.ts';
import type { Database } from '../../kit/postgres/database.ts';
import { migrate } from '../../kit/postgres/migrate.ts';
import type { BlobStore } from '../driver.ts';
import { handleSchema, postgresHandles } from './handles-postgres.ts';
import { makeOpenstackDriver, type OpenstackDriver } from './openstack.ts';

/** Where the partner is and what was agreed with it; plain JSON, without the secret. */
export type PartnerSettings = {
  /** Keystone's address. */
  authUrl: string;
  /** The region of the partner's catalog. */
  region: string;
  interface?: 'public' | 'internal';
  credential:
    | { kind: 'password'; user: string; /** By name. */ userDomain: string; project?: { name: string; domain: string } }
    | { kind: 'application-credential'; id: string };
  /** Where our projects are made there. */
  domainId: string;
  /** What we are in them. */
  role?: string;
  /** Theirs, by its id there, and the addresses of it that they have set aside for us. */
  externalNetwork: { id: string; cidr: string; gateway: string } | null;
  capacity: { vcpus: number; memoryMiB: number; diskGiB: number };
};

type Opening = { settings: PartnerSettings; secret: string; database: Database; blobs: BlobStore; clock: Clock; random: Random; fetch?: typeof fetch };

/** The database stays the caller's to close, after the driver. */
export async function openOpenstackDriver({ settings, secret, database, blobs, clock, random, fetch: send }: Opening): Promise<OpenstackDriver> {
  await migrate(database, [handleSchema]);
  const { credential, externalNetwork, ...rest } = settings;
  return makeOpenstackDriver({
    ...rest, blobs, clock, random, ...(send ? { fetch: send } : {}),
    handles: postgresHandles({ database, clock }),
    externalNetwork: externalNetwork?.id ?? null,
    userDomain: credential.kind === 'password' ? credential.userDomain : '',
    credential: credential.kind === 'password' ? { ...credential, password: secret } : { ...credential, secret },
  });
}
