/** What the partner has contracted to us, shown as one host: whose machines are where is the partner's. */
import type { HostDriver } from '../driver.ts';
import type { Region } from './region.ts';

const REF = { kind: 'host', id: 'contract' } as const;

/** Given once, and kept: claims are made against it. */
export function hostId({ handles, random, once }: Pick<Region, 'handles' | 'random' | 'once'>): Promise<string> {
  return once(REF, async () => {
    const known = await handles.find(REF);
    if (known?.state === 'known') return known.remoteId;
    await handles.intend(REF, '');
    const id = random.uuid();
    await handles.know(REF, id);
    return id;
  });
}

export function hostDriver(region: Region, { name, address }: { name: string; address: string }): HostDriver {
  const { handles, capacity, call } = region;
  return {
    list: () =>
      call([REF], async () => {
        const volumes = await handles.list('volume');
        const used = volumes.reduce((sum, { applied }) => sum + Number(applied['sizeGiB'] ?? 0), 0);
        const room = { ...capacity, freeDiskGiB: Math.max(0, capacity.diskGiB - used) };
        return [{ id: await hostId(region), hostname: name, hypervisorType: 'openstack', hypervisorVersion: 1_000_000, address, cpuModel: 'partner', architecture: 'x86_64', contracted: true as const, ...room }];
      }),
  };
}
