/** In which state a server allows what, and how that is said. nova/compute/{vm_states,task_states,api}.py, nova/api/openstack/common.py */
import { conflict } from '../../kit/fault.ts';
import type { Caller } from '../../kit/http/caller.ts';
import type { Server, VmState } from './servers.store.ts';

type Rule = { vm: readonly VmState[]; task: readonly (string | null)[] | 'any' };

const idle = [null] as const;
const tagged = { vm: ['active', 'paused', 'suspended', 'stopped'], task: 'any' } as const satisfies Rule;

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
  attach_volume: { vm: ['active', 'paused', 'stopped', 'resized', 'shelved', 'shelved_offloaded'], task: idle },
  detach_volume: { vm: ['active', 'paused', 'stopped', 'resized', 'shelved', 'shelved_offloaded'], task: idle },
  swap_volume: { vm: ['active', 'paused', 'resized'], task: idle },
  createBackup: { vm: ['active', 'stopped', 'paused', 'suspended'], task: idle },
  rescue: { vm: ['active', 'stopped', 'error'], task: idle },
  unrescue: { vm: ['rescued'], task: idle },
  shelve: { vm: ['active', 'stopped', 'paused', 'suspended'], task: idle },
  shelveOffload: { vm: ['shelved'], task: idle },
  unshelve: { vm: ['shelved', 'shelved_offloaded'], task: idle },
  restore: { vm: [], task: idle },
  trigger_crash_dump: { vm: ['active', 'paused', 'rescued', 'resized', 'error'], task: idle },
  migrate: { vm: ['active', 'stopped'], task: idle },
  'os-migrateLive': { vm: ['active', 'paused'], task: idle },
  'create share': { vm: ['stopped'], task: 'any' },
  'delete share': { vm: ['stopped', 'error'], task: 'any' },
  force_complete: { vm: ['active'], task: ['migrating'] },
  'abort live migration': { vm: ['active', 'paused'], task: ['migrating'] },
  evacuate: { vm: ['active', 'stopped', 'error'], task: idle },
  get_diagnostics: { vm: ['active', 'rescued'], task: 'any' },
  get_vnc_console: { vm: ['active', 'paused', 'suspended', 'stopped', 'resized', 'rescued', 'error', 'shelved', 'shelved_offloaded'], task: 'any' },
  'update tag': tagged,
  'update tags': tagged,
  'delete tag': tagged,
  'delete tags': tagged,
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
  if (rule.task !== 'any' && !rule.task.includes(server.taskState)) throw wrongState(server.id, said, 'task_state', server.taskState ?? 'None');
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
  migrating: 'MIGRATING',
};

const states: Record<VmState, { usual: string; shows: readonly string[] }> = {
  active: { usual: 'ACTIVE', shows: ['REBOOT', 'HARD_REBOOT', 'REBUILD', 'RESIZE', 'MIGRATING'] },
  building: { usual: 'BUILD', shows: [] },
  stopped: { usual: 'SHUTOFF', shows: ['REBUILD', 'RESIZE'] },
  resized: { usual: 'VERIFY_RESIZE', shows: [] },
  paused: { usual: 'PAUSED', shows: ['MIGRATING'] },
  suspended: { usual: 'SUSPENDED', shows: [] },
  rescued: { usual: 'RESCUE', shows: [] },
  shelved: { usual: 'SHELVED', shows: [] },
  shelved_offloaded: { usual: 'SHELVED_OFFLOADED', shows: [] },
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

/** The states whose servers can have one of these statuses; without tasks where any will do. Undefined: there are no such statuses. */
export function statesOf(statuses: readonly string[]): { vmStates: VmState[]; taskStates: string[] | null } | undefined {
  const wanted = statuses.map((status) => status.toUpperCase());
  const found = (Object.keys(states) as VmState[]).flatMap((vmState) => {
    const shown = states[vmState].shows.filter((status) => wanted.includes(status));
    const reverting = vmState === 'resized' && wanted.includes('REVERT_RESIZE') ? ['resize_reverting'] : [];
    const taskStates = [...Object.entries(tasks).filter(([, status]) => shown.includes(status)).map(([task]) => task), ...reverting];
    const usual = wanted.includes(states[vmState].usual);
    return usual || taskStates.length > 0 ? [{ vmState, usual, taskStates }] : [];
  });
  if (found.length === 0) return undefined;
  // Where one of them is a state's usual status, Nova asks for no task: nova/api/openstack/common.py, task_and_vm_state_from_status
  return { vmStates: found.map(({ vmState }) => vmState), taskStates: found.some(({ usual }) => usual) ? null : found.flatMap(({ taskStates }) => taskStates) };
}
