/** What a new server boots from and what else is attached to it from the start. nova/compute/api.py, _validate_bdm; nova/block_device.py */
import { badRequest, Fault } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { createServerVolume, reserveAttachment, throughImage } from '../volume/volumes.ts';
import { nextDevice } from './device-names.ts';
import { diskPrefix } from './hardware.ts';
import { insertBlockDevice } from './devices.store.ts';
import { shortName } from './local-disks.ts';
import type { Server } from './servers.store.ts';

export type DiskWish = {
  bootIndex: number | null;
  source: 'image' | 'volume' | 'snapshot' | 'blank';
  destination: 'local' | 'volume';
  /** Of the image, volume or snapshot. */
  sourceId: string | null;
  sizeGiB: number | null;
  deleteOnTermination: boolean;
  device: string | null;
  tag: string | null;
  /** `swap`, or as what a disk of the host is made ready. */
  guestFormat: string | null;
  volumeType: string | null;
};

export type Plan = {
  root: { kind: 'image'; imageId: string } | { kind: 'volume' };
  /** What was named as the image, whatever it boots from: nova/compute/api.py keeps it as image_ref. */
  imageId: string | null;
  /** Volumes, the root one first when there is one. */
  volumes: DiskWish[];
  /** Of the host, empty at first. */
  locals: DiskWish[];
};

export function plan({ imageId, disks }: { imageId: string | null; disks: readonly DiskWish[] }): Plan {
  const locals = disks.filter(({ destination }) => destination === 'local');
  for (const { source, bootIndex, sourceId, volumeType } of locals) {
    if (volumeType !== null) throw badRequest('Block Device Mapping is Invalid: Specifying a volume_type with destination_type=local is not supported.');
    if (source === 'blank' && sourceId !== null) throw badRequest('Block Device Mapping is Invalid: Invalid device UUID.');
    if (source === 'blank' && bootIndex === null) continue;
    // Clients that name an image also describe the disk that comes of it.
    if (source === 'image' && bootIndex === 0 && (imageId === null || imageId === sourceId)) continue;
    throw badRequest(`Block Device Mapping is Invalid: Mapping ${source} to local is not supported.`);
  }
  const volumes = disks.filter(({ destination }) => destination === 'volume');
  const roots = disks.filter(({ bootIndex }) => bootIndex === 0);
  const localImageId = imageId ?? locals.find(({ source }) => source === 'image')?.sourceId ?? null;
  if (roots.length > 1 || (roots.length === 0 && localImageId === null))
    throw badRequest('Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping combination is not valid.');
  for (const wish of volumes) checkVolume(wish);
  const [root] = volumes.filter(({ bootIndex }) => bootIndex === 0);
  return {
    // A volume to boot from comes before the image, which is only shown then. nova/compute/api.py, _check_and_transform_bdm
    root: root || localImageId === null ? { kind: 'volume' } : { kind: 'image', imageId: localImageId },
    imageId: localImageId,
    volumes: [...(root ? [root] : []), ...volumes.filter((wish) => wish !== root)],
    locals: locals.filter(({ source }) => source === 'blank'),
  };
}

function checkVolume({ source, sourceId, sizeGiB }: DiskWish): void {
  if (source !== 'blank' && sourceId === null) throw badRequest(`Block Device Mapping is Invalid: the ${source} is not named.`);
  if ((source === 'blank' || source === 'image') && sizeGiB === null) throw badRequest("Block Device Mapping is Invalid: Images with destination_type 'volume' need to have a non-zero size specified");
}

/** Makes or takes the volumes, and writes down their devices: the root's is the first. */
export async function plugDisks(context: Context, server: Server, { root, volumes, imageId }: Plan): Promise<void> {
  const prefix = diskPrefix(server.imageProperties);
  const taken = [...(root.kind === 'image' ? [`${prefix}a`] : []), ...server.localDisks.map(shortName)];
  for (const [index, wish] of volumes.entries()) {
    const isRoot = root.kind === 'volume' && index === 0;
    const volumeId = await volumeOf(context, server, wish).catch(asMappingFault(wish));
    const { attachmentId, bootable } = await reserveAttachment(context, { volumeId, serverId: server.id }).catch(asMappingFault(wish));
    // nova/compute/api.py, _get_bdm_image_metadata: only where no image was named.
    if (isRoot && wish.source === 'volume' && !bootable && imageId === null) throw badRequest(`Block Device ${volumeId} is not bootable.`);
    const device = nextDevice(taken, prefix);
    taken.push(device);
    await insertBlockDevice(context.tx, { id: context.random.uuid(), tag: wish.tag, serverId: server.id, projectId: server.projectId, volumeId, attachmentId, device: `/dev/${device}`, isRoot, deleteOnTermination: wish.deleteOnTermination, state: 'attaching' }, context.now);
  }
}

async function volumeOf(context: Context, server: Server, { source, sourceId, sizeGiB, deleteOnTermination, volumeType }: DiskWish): Promise<string> {
  if (source === 'volume') return sourceId!;
  const from = source === 'image' ? await throughImage(context, { kind: 'image', imageId: sourceId! }) : source === 'snapshot' ? { kind: 'snapshot' as const, snapshotId: sourceId! } : { kind: 'empty' as const };
  const { volumeId } = await createServerVolume(context, { sizeGiB: sizeGiB ?? undefined, source: from, deleteOnTermination, ...(volumeType === null ? {} : { volumeType }), serverId: server.id });
  return volumeId;
}

/** nova/exception.py, InvalidBDMVolume and its kin */
function asMappingFault({ source, sourceId }: DiskWish) {
  return (error: unknown): never => {
    throw error instanceof Fault && error.status === 404 ? badRequest(`Block Device Mapping is Invalid: failed to get ${source} ${sourceId ?? ''}.`) : error;
  };
}
