/** Each project of ours has one of its own at the partner: made when it is first needed, with our role and its quota. */
import type { Clock, Random } from '../../kit/clock.ts';
import { serialised } from '../../kit/serial.ts';
import { DriverError } from '../driver.ts';
import { ensureMade } from './creation.ts';
import type { HandleStore } from './handles.ts';
import type { Partner, Services } from './partner.ts';
import { translated, unless } from './refusals.ts';
import type { Capacity } from './region.ts';

export type Projects = {
  /** The services in the project's own place there, which is made if there is none. */
  of(projectId: string): Promise<Services>;
  /** Where something is already known to be. */
  known(): Promise<{ projectId: string; services: Services }[]>;
};

/** Where what belongs to no project of ours is kept: images. */
export const LIBRARY = 'library';

type ProjectsOptions = { partner: Partner; handles: HandleStore; clock: Clock; random: Random; domainId: string; role: string | undefined; capacity: Capacity };

export function openProjects({ partner, handles, clock, random, domainId, role: wished, capacity }: ProjectsOptions): Projects {
  const serial = serialised<string>();
  const ready = new Map<string, string>();

  async function ensure(projectId: string): Promise<string> {
    const found = ready.get(projectId);
    if (found !== undefined) return found;
    const own = await partner.own();
    const remoteId = partner.perProject ? await make(own, projectId) : await adopt(own, projectId);
    ready.set(projectId, remoteId);
    return remoteId;
  }

  async function make(own: Services, projectId: string): Promise<string> {
    const ref = { kind: 'project', id: projectId } as const;
    const remoteId = await ensureMade({ handles, clock }, ref, projectId, {
      async find(tag) {
        const { projects } = (await own.identity.projects.list({ query: { domain_id: domainId, tags: tag } })).body;
        return projects.map(({ id }) => ({ id, createdAt: '' }));
      },
      // The name is for people there; nothing is found by it, and one that is used already, by another cloud of ours or before, is no matter.
      make: async (tag) => (await own.identity.projects.create({ body: { project: { name: `intercloud-${projectId}`.slice(0, 55) + `-${random.bytes(4).toString('hex')}`, domain_id: domainId, description: tag, tags: [tag] } } })).body.project.id,
    });
    if ((await handles.find(ref))?.applied['ready'] === true) return remoteId;
    const role = wished ?? (own.roles.includes('admin') ? 'admin' : 'manager');
    const { roles } = (await own.identity.roles.list({ query: { name: role } })).body;
    const given = roles.find(({ name }) => name === role);
    if (!given) throw new DriverError('invalid', `The partner has no role ${role}`);
    await own.identity.projectUserGrants.create({ params: { project_id: remoteId, user_id: own.userId, role_id: given.id } });
    await setQuotas(await partner.in(remoteId));
    await handles.apply(ref, { ready: true });
    return remoteId;
  }

  async function adopt({ projectId: remoteId }: Services, projectId: string): Promise<string> {
    if (remoteId === null) throw new DriverError('invalid', 'The application credential belongs to no project');
    const ref = { kind: 'project', id: projectId } as const;
    if (!(await handles.find(ref))) {
      await handles.intend(ref, projectId);
      await handles.know(ref, remoteId);
    }
    return remoteId;
  }

  /** As much as was contracted: what one of our projects may have of it, our own quotas say. */
  async function setQuotas({ projectId, compute, volume, network }: Services): Promise<void> {
    const id = projectId ?? '';
    // Who may not set quotas works with those that the partner has set: it refuses what goes beyond.
    const may = unless(403);
    await compute.quotaSets.update({ params: { tenant_id: id }, body: { quota_set: { cores: capacity.vcpus, ram: capacity.memoryMiB, instances: capacity.vcpus } } }).catch(may);
    await volume.limits.updateQuota({ params: { project_id: id }, body: { quota_set: { gigabytes: capacity.diskGiB, volumes: -1, snapshots: -1 } } }).catch(may);
    await network.quotas.update({ params: { project_id: id }, body: { quota: { network: -1, subnet: -1, port: -1, router: -1, floatingip: -1, security_group: -1, security_group_rule: -1 } } }).catch(may);
  }

  return {
    async of(projectId) {
      try {
        return await partner.in(await serial.run(projectId, () => ensure(projectId)));
      } catch (error) {
        throw translated(error);
      }
    },
    async known() {
      const projects = (await handles.list('project')).filter(({ remoteId }) => remoteId !== null);
      // With a credential of one project, all of ours are in it.
      const places = Map.groupBy(projects, ({ remoteId }) => remoteId);
      return Promise.all([...places].map(async ([remoteId, [one]]) => ({ projectId: one!.id, services: await partner.in(remoteId ?? '') })));
    },
  };
}
