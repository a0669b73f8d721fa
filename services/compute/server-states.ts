/** In which state a server allows what, and how that is said. nova/compute/{vm_states,task_states,api}.py, nova/api/openstack/common.py */
import { conflict } from '../../kit/fault.ts';
import type { Caller } from '../../kit/http/caller.ts';
import type { Server, VmState } from './servers.store.ts';

type Rule = { vm: readonly VmState[]; task: readonly (string | null)[] | 'any' };

const idle = [null] as const;

/** By the action's name as Nova says it to the caller. */
const rules = {
  'os-start': { vm: ['stopped'], task: idle },
  'os-stop': { vm: ['active', 'error'], task: idle },
  rebootSoft: { vm: ['active'], task: idle },
  rebootHard: { vm: ['active', 'stopped', 'paused', 'suspended', 'error'], task: [null, 'rebooting', 'reboot_pending', 'reboot_started', 'reboot_started_hard', 'resuming', 'unpausing', 'suspending'] },
  pause: { vm: ['active'], task: idle },
  unpause: { vm: ['paused'], task: idle },
  suspend: { vm: ['active'], task: idle },
  resume: { vm: ['suspended'], task: idle },
  resize: { vm: ['active', 'stopped'], task: idle },
  confirmResize: { vm: ['resized'], task: idle },
  revertResize: { vm: ['resized'], task: idle },
  rebuild: { vm: ['active', 'stopped', 'error'], task: idle },
  createImage: { vm: ['active', 'stopped', 'paused', 'suspended'], task: idle },
  changePassword: { vm: ['active'], task: idle },
  attach_volume: { vm: ['active', 'paused', 'stopped', 'resized'], task: idle },
  detach_volume: { vm: ['active', 'paused', 'stopped', 'resized'], task: idle },
  attach_interface: { vm: ['active', 'paused', 'stopped'], task: idle },
  detach_interface: { vm: ['active', 'paused', 'stopped'], task: idle },
  'update metadata': { vm: ['active', 'paused', 'suspended', 'stopped'], task: 'any' },
  'delete metadata': { vm: ['active', 'paused', 'suspended', 'stopped'], task: 'any' },
} as const satisfies Record<string, Rule>;

export type StatefulAction = keyof typeof rules;

const spoken: Partial<Record<StatefulAction, string>> = { rebootSoft: 'reboot', rebootHard: 'reboot' };

/** Refuses with 409 what the server's state does not allow. */
export function demandState(server: Server, action: StatefulAction): void {
  const rule: Rule = rules[action];
  const said = spoken[action] ?? action;
  if (!rule.vm.includes(server.vmState)) throw wrongState(server.id, said, 'vm_state', server.vmState);
  if (rule.task !== 'any' && !rule.task.includes(server.taskState)) throw wrongState(server.id, said, 'task_state', server.taskState ?? '');
}

function wrongState(id: string, action: string, attribute: string, state: string) {
  return conflict(`Cannot '${action}' instance ${id} while it is in ${attribute} ${state}`);
}

/** A lock keeps everyone out but administrators. */
export function demandUnlocked(server: Server, caller: Caller): void {
  if (server.locked && !caller.isAdmin) throw conflict(`Instance ${server.id} is locked`);
}

const tasks: Record<string, string> = {
  rebooting: 'REBOOT',
  reboot_pending: 'REBOOT',
  reboot_started: 'REBOOT',
  rebooting_hard: 'HARD_REBOOT',
  reboot_pending_hard: 'HARD_REBOOT',
  reboot_started_hard: 'HARD_REBOOT',
  rebuilding: 'REBUILD',
  rebuild_block_device_mapping: 'REBUILD',
  rebuild_spawning: 'REBUILD',
  resize_prep: 'RESIZE',
  resize_migrating: 'RESIZE',
  resize_migrated: 'RESIZE',
  resize_finish: 'RESIZE',
};

const states: Record<VmState, { usual: string; shows: readonly string[] }> = {
  active: { usual: 'ACTIVE', shows: ['REBOOT', 'HARD_REBOOT', 'REBUILD', 'RESIZE'] },
  building: { usual: 'BUILD', shows: [] },
  stopped: { usual: 'SHUTOFF', shows: ['REBUILD', 'RESIZE'] },
  resized: { usual: 'VERIFY_RESIZE', shows: [] },
  paused: { usual: 'PAUSED', shows: [] },
  suspended: { usual: 'SUSPENDED', shows: [] },
  error: { usual: 'ERROR', shows: ['REBUILD'] },
  deleted: { usual: 'DELETED', shows: [] },
};

/** The one word that clients wait for. */
export function statusOf({ vmState, taskState }: Pick<Server, 'vmState' | 'taskState'>): string {
  if (vmState === 'resized' && taskState === 'resize_reverting') return 'REVERT_RESIZE';
  const task = tasks[taskState ?? ''];
  const { usual, shows } = states[vmState];
  return task !== undefined && shows.includes(task) ? task : usual;
}

/** The states whose servers can have this status; undefined when there is no such status. */
export function vmStatesOf(status: string): VmState[] | undefined {
  const wanted = status.toUpperCase();
  const found = (Object.keys(states) as VmState[]).filter((state) => states[state].usual === wanted || states[state].shows.includes(wanted) || (state === 'resized' && wanted === 'REVERT_RESIZE'));
  return found.length > 0 ? found : undefined;
}
