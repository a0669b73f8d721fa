import { capacity as contract } from '../../contract/intercloud/region.ts';
import { implement } from '../../kit/http/implement.ts';
import { listPublicHashes } from '../image/images.ts';
import { listRoom, type Room } from '../placement/room.ts';

const mostHashes = 1000;

export const capacity = implement(contract, {
  async show({ tx, now }) {
    const [zones, images] = [await listRoom(tx, now), await listPublicHashes(tx, mostHashes)];
    return { zones: zones.map(({ availabilityZone, free, largest, hosts }) => ({ name: availabilityZone, free: shown(free), largest: shown(largest), hosts })), images };
  },
});

function shown({ vcpus, memoryMiB, diskGiB }: Room) {
  return { vcpus, memory_mib: memoryMiB, disk_gib: diskGiB };
}
