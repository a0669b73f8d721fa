/** A size of machine at the partner, for each that is asked for. */
import { DriverError } from '../driver.ts';
import type { Services } from './partner.ts';
import { translated, unless } from './refusals.ts';
import type { Region } from './region.ts';

export type Size = { vcpus: number; memoryMiB: number; diskGiB: number };

/**
 * Resolves to the flavor's id there. We say which id it gets, so making it twice makes one, and nothing has to be found.
 * Where we may not make flavors, one of exactly this size is taken that the partner offers to us; with whatever disk, where
 * none of it is used.
 */
export function ensureFlavor(region: Region, services: Services, size: Size): Promise<string> {
  const id = `intercloud-${size.vcpus}-${size.memoryMiB}-${size.diskGiB}`;
  return region.once({ kind: 'flavor', id }, () => make(region, services, id, size));
}

async function make({ handles }: Region, services: Services, id: string, { vcpus, memoryMiB, diskGiB }: Size): Promise<string> {
  const ref = { kind: 'flavor', id } as const;
  const known = await handles.find(ref);
  if (known?.state === 'known') return known.remoteId;
  await handles.intend(ref, '');
  const found = (await own(services, id, { vcpus, memoryMiB, diskGiB })) ?? (await offered(services, { vcpus, memoryMiB, diskGiB }));
  if (found === undefined) {
    await handles.forget(ref);
    throw new DriverError('invalid', `The partner has no flavor of ${vcpus} vCPUs, ${memoryMiB} MiB and a disk of ${diskGiB} GiB, and lets us make none`);
  }
  // By its name it is in the partner's bills.
  await handles.apply(ref, { name: found.name });
  await handles.know(ref, found.id);
  return found.id;
}

type Offered = { id: string; name: string };

async function own({ compute }: Services, id: string, size: Size): Promise<Offered | undefined> {
  const flavor = { name: id, id, vcpus: size.vcpus, ram: size.memoryMiB, disk: size.diskGiB, 'os-flavor-access:is_public': true };
  const refused = await compute.flavors.create({ body: { flavor } }).then(() => undefined, (error: unknown) => error);
  if (refused === undefined) return flavor;
  unless(403, 409)(refused);
  const there = (await compute.flavors.show({ params: { flavor_id: id } }).catch(unless(404)))?.body.flavor;
  if (there && (there.vcpus !== size.vcpus || there.ram !== size.memoryMiB || there.disk !== size.diskGiB)) throw translated(refused);
  return there;
}

async function offered({ compute }: Services, size: Size): Promise<Offered | undefined> {
  const { flavors } = (await compute.flavors.detail()).body;
  const fitting = flavors.filter(({ vcpus, ram, disk, swap, 'OS-FLV-EXT-DATA:ephemeral': ephemeral }) => vcpus === size.vcpus && ram === size.memoryMiB && (disk === size.diskGiB || size.diskGiB === 0) && !swap && ephemeral === 0);
  return fitting.toSorted((one, other) => one.disk - other.disk)[0];
}
