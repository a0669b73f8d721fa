import { capacity as contract } from '../../contract/intercloud/region.ts';
import { implement } from '../../kit/http/implement.ts';
import { unplacedServers, type Unplaced } from '../compute/unplaced.ts';
import { listPublicHashes } from '../image/images.ts';
import { listRoom, type Room, type ZoneRoom } from '../placement/room.ts';

const mostHashes = 1000;

export const capacity = implement(contract, {
  async show({ tx, now }) {
    const [zones, unplaced, images] = [await listRoom(tx, now), await unplacedServers(tx), await listPublicHashes(tx, mostHashes)];
    return { zones: zones.map((zone, index) => shownZone(zone, unplaced.filter(({ availabilityZone }) => (availabilityZone === null ? index === 0 : availabilityZone === zone.availabilityZone)))), images };
  },
});

/** A server is promised before it claims a host: what is promised is not left. One that names no zone is counted in the first. */
function shownZone({ availabilityZone: name, free, largest, hosts }: ZoneRoom, unplaced: readonly Unplaced[]) {
  const left = unplaced.reduce((room, { vcpus, memoryMiB, diskGiB }) => ({ vcpus: room.vcpus - vcpus, memoryMiB: room.memoryMiB - memoryMiB, diskGiB: room.diskGiB - diskGiB }), free);
  const one: Room = { vcpus: Math.min(left.vcpus, largest.vcpus), memoryMiB: Math.min(left.memoryMiB, largest.memoryMiB), diskGiB: Math.min(left.diskGiB, largest.diskGiB) };
  return { name, free: shown(left), largest: shown(one), hosts };
}

function shown({ vcpus, memoryMiB, diskGiB }: Room) {
  return { vcpus: Math.max(vcpus, 0), memory_mib: Math.max(memoryMiB, 0), disk_gib: Math.max(diskGiB, 0) };
}
