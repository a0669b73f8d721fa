import { placing as contract } from '../../contract/intercloud/region.ts';
import { badRequest, notFound } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { listFlavors } from '../compute/flavors.ts';
import { wishOfFlavor } from '../compute/scheduler-hints.ts';
import type { RegionParts } from '../parts.ts';
import { listHostsShown } from '../placement/hosts.ts';
import { listDecisions, replay } from '../placement/scheduler/decisions.ts';
import type { Left } from '../placement/scheduler/deciding.ts';

const mostShown = 1000;

export function placingApi({ scheduler }: Pick<RegionParts, 'scheduler'>) {
  return implement(contract, {
    async whatIf({ tx, caller, now, body }) {
      const { flavor: wanted, availability_zone: availabilityZone = null, extra_specs: extraSpecs = {}, image_properties: image = {} } = body;
      const flavors = await listFlavors({ tx, caller }, { isPublic: null, minMemoryMiB: 0, minDiskGiB: 0 });
      const flavor = flavors.find(({ id }) => id === wanted) ?? flavors.find(({ name }) => name === wanted);
      if (!flavor) throw badRequest(`Flavor ${wanted} could not be found.`);
      const wish = wishOfFlavor({ ...flavor, extraSpecs: { ...flavor.extraSpecs, ...extraSpecs } }, { now, projectId: caller.projectId ?? '', availabilityZone, image });
      const { decision, hosts } = await scheduler.judge(tx, wish);
      return {
        fits: hosts.reduce((sum, { count }) => sum + count, 0),
        hosts: decision.hosts,
        questions: decision.left.map(shownQuestion),
        room: hosts.slice(0, mostShown).map(({ hostname, availabilityZone: zone, count }) => ({ host: hostname, availability_zone: zone, fits: count })),
      };
    },
    async show({ tx, params }) {
      const [kept] = await listDecisions(tx, params.server_id, 1);
      if (!kept) throw notFound(`There is no decision about a server ${params.server_id}.`, 'decision-not-found');
      const { record, decidedAt } = kept;
      const names = new Map((await listHostsShown(tx, record.finalists.map(({ hostId }) => hostId))).map(({ id, hostname }) => [id, hostname]));
      // A host that is gone has its id only.
      const nameOf = (id: string) => names.get(id) ?? id;
      const again = replay(record);
      return {
        server_id: params.server_id,
        decided_at: decidedAt.toISOString(),
        host: nameOf(record.chosen),
        again: again === undefined ? null : nameOf(again),
        hosts: record.hosts,
        questions: record.left.map(shownQuestion),
        weights: record.scales,
        finalists: record.finalists.map(({ hostId, values }) => ({ host: nameOf(hostId), values, lost: record.lost.includes(hostId) })),
      };
    },
  });
}

function shownQuestion({ filter, says, hosts }: Left) {
  return { filter, says, hosts };
}
