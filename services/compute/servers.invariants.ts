/** What must always be true of servers, however the last minutes went. */
import { running } from '../../kit/workflow/runs.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import type { Finding, Invariant, RegionParts } from '../parts.ts';
import { amountsOf, listClaims } from '../placement/claims.ts';
import { countedQuota, type QuotaResource } from '../quota/quotas.ts';
import { selectBlockDevices, selectStrayDevices } from './devices.store.ts';
import { needsOf, quotaOf } from './server-changes.ts';
import { subjectOf } from './server-steps.ts';
import { selectDeleted, selectLiving } from './servers.store.ts';

export function serverInvariants({ database, driver }: RegionParts): Invariant[] {
  const reading = (id: string, check: (tx: Transaction) => Promise<Finding[]>) => () => database.read({ kind: 'system', reason: `invariant ${id}` }, check);
  return [
    {
      id: 'I1',
      title: 'Every machine has one server, on the host where it should be',
      async check() {
        const machines = await driver.servers.list();
        return reading('I1', async (tx) => {
          const servers = new Map((await selectLiving(tx)).map((server) => [server.id, server]));
          return machines.flatMap(({ id, hostId }) => {
            const server = servers.get(id);
            if (server?.hostId === hostId) return [];
            return [{ message: `Host ${hostId} has machine ${id}, ${server ? `which belongs on ${server.hostId ?? 'no host'}` : 'for which there is no server'}`, remedy: 'When its server is known to be deleted it is removed within seconds; otherwise adopt it or remove it by hand.' }];
          });
        })();
      },
    },
    {
      id: 'I3',
      title: 'The sum of claims is the sum of intents',
      check: reading('I3', async (tx) => {
        const claims = Map.groupBy(await listClaims(tx), ({ consumerId }) => consumerId);
        const servers = (await selectLiving(tx)).filter(({ hostId }) => hostId !== null);
        const wrong = servers.filter((server) => {
          const claimed = (claims.get(server.id) ?? []).map(({ resourceClass, used, providerId }) => `${providerId} ${resourceClass} ${used}`);
          const wanted = amountsOf(needsOf(server)).map(({ resourceClass, amount }) => `${server.hostId} ${resourceClass} ${amount}`);
          return claimed.toSorted().join() !== wanted.toSorted().join();
        });
        // What a server has left is held until it is known that it stays away.
        const ids = new Set(servers.flatMap(({ id, resize }) => [id, ...(resize?.left ? [resize.left.claimId] : [])]));
        const orphans = [...claims.keys()].filter((id) => !ids.has(id));
        return [
          ...wrong.map(({ id }) => ({ message: `The claim of server ${id} is not what its flavor needs`, remedy: 'Delete and make the server anew, and report how it came to differ.' })),
          ...orphans.map((id) => ({ message: `There is a claim for ${id}, which is no server on a host`, remedy: 'Release the claim, and report how it came to stay.' })),
        ];
      }),
    },
    {
      id: 'I4',
      title: 'What projects are counted for is what they have',
      check: reading('I4', async (tx) => {
        const resources: QuotaResource[] = ['compute.instances', 'compute.cores', 'compute.ram'];
        const counted = new Map((await countedQuota(tx, resources)).map(({ projectId, resource, used }) => [`${projectId} ${resource}`, used]));
        const real = new Map<string, number>();
        for (const server of await selectLiving(tx))
          for (const [resource, amount] of Object.entries(quotaOf(server))) real.set(`${server.projectId} ${resource}`, (real.get(`${server.projectId} ${resource}`) ?? 0) + amount);
        const keys = new Set([...counted.keys(), ...real.keys()]);
        return [...keys]
          .filter((key) => (counted.get(key) ?? 0) !== (real.get(key) ?? 0))
          .map((key) => ({ message: `Project and resource ${key}: ${counted.get(key) ?? 0} is counted, ${real.get(key) ?? 0} is there`, remedy: 'Set the count to what is there, and report how it came to differ.' }));
      }),
    },
    {
      id: 'I5',
      title: 'Every device of a server is plugged in, and nothing else is',
      async check() {
        const machines = await driver.servers.list();
        return reading('I5', async (tx) => {
          const stray = (await selectStrayDevices(tx)).map(({ serverId, what }) => ({ message: `Server ${serverId} is deleted and still holds ${what}`, remedy: 'Release it, and report how it came to stay.' }));
          const attached = Map.groupBy(await selectBlockDevices(tx, machines.map(({ id }) => id)), ({ serverId }) => serverId);
          const differing = machines.flatMap(({ id, volumes }) => {
            const wanted = (attached.get(id) ?? []).filter(({ state }) => state === 'attached').map(({ volumeId }) => volumeId);
            const missing = wanted.filter((volumeId) => !volumes.includes(volumeId) && !(attached.get(id) ?? []).some((device) => device.isRoot && device.volumeId === volumeId));
            return missing.map((volumeId) => ({ message: `Volume ${volumeId} is attached to server ${id}, and its machine does not have it`, remedy: 'Restart the server by force: that plugs in what is missing.' }));
          });
          return [...stray, ...differing];
        })();
      },
    },
    {
      id: 'I7',
      title: 'Every server that is on its way has someone who works on it',
      check: reading('I7', async (tx) => {
        const onTheWay = (await selectLiving(tx)).filter(({ taskState, vmState }) => taskState !== null || vmState === 'building');
        const findings: Finding[] = [];
        for (const { id, vmState, taskState } of onTheWay)
          if ((await running(tx, subjectOf(id))).length === 0) findings.push({ message: `Server ${id} is ${vmState}, ${taskState ?? 'no task'}, and nothing works on it`, remedy: 'The reconciler takes it up within seconds: is a worker running?' });
        return findings;
      }),
    },
    {
      id: 'I10',
      title: 'A deleted server leaves no machine behind',
      async check() {
        const machines = await driver.servers.list();
        return reading('I10', async (tx) => (await selectDeleted(tx, machines.map(({ id }) => id))).map(({ id }) => ({ message: `Server ${id} is deleted, and its machine is still there`, remedy: 'The reconciler removes it within seconds: is a worker running?' })))();
      },
    },
  ];
}
