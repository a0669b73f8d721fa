/** The way out: a network that is bridged to a physical one, from which routers and floating addresses take theirs. */
import type { Context } from '../../kit/http/implement.ts';
import { nobody } from '../../kit/http/caller.ts';
import type { Clock, Random } from '../../kit/clock.ts';
import { sql, type Database, type Scope } from '../../kit/postgres/database.ts';
import { createNetwork } from './networks.ts';
import { holdBootstrap, selectNetworks } from './networks.store.ts';
import { isFlatOn } from './segments.store.ts';
import { createSubnetPool } from './subnet-pools.ts';
import { selectSubnetPools } from './subnet-pools.store.ts';
import { createSubnet } from './subnets.ts';
import { subnetsOfNetwork } from './subnets.store.ts';

export type ExternalNetwork = {
  name: string;
  cidr: string;
  gateway: string | null;
  /** The addresses that may be given out; all of the subnet's without it. */
  pool?: { start: string; end: string };
  physicalNetwork: string;
  /** Whose it is: the administrators' project. */
  projectId: string;
};

const scope: Scope = { kind: 'system', reason: 'the external network belongs to the cloud' };

/** Makes the network and its subnet unless the physical network has one; changes nothing that is there. */
export async function bootstrapNetwork(parts: { database: Database; clock: Clock; random: Random }, wish: ExternalNetwork): Promise<{ networkId: string }> {
  const { database, clock, random } = parts;
  return database.transaction(scope, async (tx) => {
    await holdBootstrap(tx);
    const context: Context = { tx, now: clock.now(), random, requestId: `req-${random.uuid()}`, caller: { ...nobody, projectId: wish.projectId, isAdmin: true } };
    const known = (await selectNetworks(tx, isFlatOn(wish.physicalNetwork)))[0];
    const network =
      known ??
      (await createNetwork(context, { name: wish.name, 'router:external': true, is_default: true, 'provider:network_type': 'flat', 'provider:physical_network': wish.physicalNetwork }));
    if ((await subnetsOfNetwork(tx, network.id)).length === 0)
      await createSubnet(context, {
        name: `${wish.name}-subnet`,
        network_id: network.id,
        ip_version: wish.cidr.includes(':') ? 6 : 4,
        cidr: wish.cidr,
        gateway_ip: wish.gateway,
        enable_dhcp: false,
        ...(wish.pool ? { allocation_pools: [wish.pool] } : {}),
      });
    return { networkId: network.id };
  });
}

/** Of which networks take addresses that come without any (`--nic auto`): not among those that people choose by themselves most often. */
const defaultPool = { name: 'shared-default-subnetpool-v4', prefixes: ['10.128.0.0/10'], default_prefixlen: 26 };

/** Makes a pool for all projects, unless there is a default one. */
export async function bootstrapDefaultPool({ database, clock, random }: { database: Database; clock: Clock; random: Random }, projectId: string): Promise<void> {
  await database.transaction(scope, async (tx) => {
    await holdBootstrap(tx);
    if ((await selectSubnetPools(tx, sql`r.is_default and r.ip_version = 4`)).length > 0) return;
    const context: Context = { tx, now: clock.now(), random, requestId: `req-${random.uuid()}`, caller: { ...nobody, projectId, isAdmin: true } };
    await createSubnetPool(context, { ...defaultPool, is_default: true, shared: true });
  });
}
