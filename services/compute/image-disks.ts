/** What an image says of the disks of its servers: nova/block_device.py, snapshot_from_bdm; nova/compute/api.py, _check_and_transform_bdm */
import { Type, type Static } from 'typebox';
import { Check } from 'typebox/value';
import { badRequest } from '../../kit/fault.ts';
import type { BlockDevice } from './devices.store.ts';
import type { DiskWish } from './server-disks.ts';

/** One that names what is not known here is none that can be made. */
const mapping = Type.Array(
  Type.Object({
    source_type: Type.Union([Type.Literal('snapshot'), Type.Literal('volume'), Type.Literal('image'), Type.Literal('blank')]),
    destination_type: Type.Union([Type.Literal('volume'), Type.Literal('local')]),
    snapshot_id: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
    volume_id: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
    image_id: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
    boot_index: Type.Optional(Type.Union([Type.Integer({ minimum: -1, maximum: 64 }), Type.Null()])),
    volume_size: Type.Optional(Type.Union([Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }), Type.Null()])),
    delete_on_termination: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
    device_name: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
    tag: Type.Optional(Type.Union([Type.String({ maxLength: 60 }), Type.Null()])),
    guest_format: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
    volume_type: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
  }),
  { maxItems: 64 },
);

/** The device of an image that is made of this one and a snapshot of its volume. */
export function mappedSnapshot({ isRoot, device, deleteOnTermination, tag }: BlockDevice, { id, sizeGiB }: { id: string; sizeGiB: number }): Static<typeof mapping>[number] & Record<string, unknown> {
  return {
    source_type: 'snapshot',
    destination_type: 'volume',
    snapshot_id: id,
    volume_id: null,
    image_id: null,
    boot_index: isRoot ? 0 : null,
    volume_size: sizeGiB,
    delete_on_termination: deleteOnTermination,
    device_name: device,
    tag,
    volume_type: null,
    device_type: 'disk',
    disk_bus: 'virtio',
    guest_format: null,
    no_device: null,
  };
}

/** With those that the image brings, where the request has none for the same device. */
export function withImageDisks(wish: { imageId: string | null; disks: readonly DiskWish[] }, text: string | null | undefined): { imageId: string | null; disks: readonly DiskWish[] } {
  const brought = disksOf(text);
  const bringsRoot = brought.some(({ bootIndex }) => bootIndex === 0);
  // Clients describe the disk that comes of the image: here it is the image that says what that is.
  const asked = bringsRoot ? wish.disks.filter(({ source, bootIndex }) => !(source === 'image' && bootIndex === 0)) : wish.disks;
  const taken = new Set(asked.map(({ device }) => device).filter((device) => device !== null));
  return { imageId: bringsRoot ? null : wish.imageId, disks: [...brought.filter(({ device }) => device === null || !taken.has(device)), ...asked] };
}

function disksOf(text: string | null | undefined): DiskWish[] {
  const given = parsed(text ?? '[]');
  if (!Check(mapping, given)) throw badRequest('Block Device Mapping is Invalid: the image describes its devices in a way that is not known here.');
  return given.map((each) => ({
    bootIndex: each.boot_index === undefined || each.boot_index === null || each.boot_index < 0 ? null : each.boot_index,
    source: each.source_type,
    destination: each.destination_type,
    sourceId: { snapshot: each.snapshot_id, volume: each.volume_id, image: each.image_id, blank: null }[each.source_type] ?? null,
    sizeGiB: each.volume_size ?? null,
    deleteOnTermination: each.delete_on_termination ?? false,
    device: each.device_name ?? null,
    tag: each.tag ?? null,
    guestFormat: each.guest_format ?? null,
    volumeType: each.volume_type ?? null,
  }));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No JSON is no mapping either.
    return undefined;
  }
}
