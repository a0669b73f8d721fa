/** `POST /servers/{id}/action`: one operation for each key of the body. nova/api/openstack/compute/*.py */
import { Type, type TSchema } from 'typebox';
import { operations } from '../contract.ts';
import { address, adminPass, boolean, diskConfig, exactly, metadata, name, uuid } from './fields.ts';
import { changedServer } from './servers.ts';

function action<const A extends string, B extends TSchema>(key: A, value: B, rule: string, summary: string) {
  return {
    method: 'POST',
    path: '/servers/{server_id}/action',
    action: key,
    summary,
    access: { rule: `os_compute_api:${rule}`, who: 'member', adminEverywhere: true },
    stability: 'stable',
    body: exactly({ [key]: value } as Record<A, B>),
    status: 202,
  } as const;
}

/** Nova ignores what these actions carry. */
const nothing = Type.Unknown();
const group = exactly({ name });

export const serverActions = operations({
  start: action('os-start', nothing, 'servers:start', 'Start a stopped server'),
  stop: action('os-stop', nothing, 'servers:stop', 'Stop a server'),
  reboot: action('reboot', exactly({ type: Type.String({ pattern: '^([Ss][Oo][Ff][Tt]|[Hh][Aa][Rr][Dd])$' }) }), 'servers:reboot', 'Restart a server, by asking it or by force'),
  pause: action('pause', nothing, 'os-pause-server:pause', 'Halt its processors'),
  unpause: action('unpause', nothing, 'os-pause-server:unpause', 'Let its processors go on'),
  suspend: action('suspend', nothing, 'os-suspend-server:suspend', 'Write its memory to disk'),
  resume: action('resume', nothing, 'os-suspend-server:resume', 'Go on from the memory on disk'),
  lock: action('lock', nothing, 'os-lock-server:lock', 'Refuse changes of this server'),
  unlock: action('unlock', nothing, 'os-lock-server:unlock', 'Allow changes again'),
  resize: action('resize', exactly({ flavorRef: Type.Union([Type.String({ minLength: 1 }), Type.Integer()]), 'OS-DCF:diskConfig': Type.Optional(diskConfig) }), 'servers:resize', 'Give it another flavor, to be confirmed'),
  confirmResize: { ...action('confirmResize', nothing, 'servers:confirm_resize', 'Keep the new flavor'), status: 204 },
  revertResize: action('revertResize', nothing, 'servers:revert_resize', 'Go back to the old flavor'),
  rebuild: {
    ...action(
      'rebuild',
      exactly({
        imageRef: uuid,
        name: Type.Optional(name),
        adminPass: Type.Optional(adminPass),
        metadata: Type.Optional(metadata),
        preserve_ephemeral: Type.Optional(boolean),
        'OS-DCF:diskConfig': Type.Optional(diskConfig),
        accessIPv4: Type.Optional(address),
        accessIPv6: Type.Optional(address),
        personality: Type.Optional(Type.Array(exactly({ path: Type.String(), contents: Type.String() }))),
      }),
      'servers:rebuild',
      'Make its root disk anew from an image',
    ),
    response: exactly({ server: Type.Object({ ...changedServer.properties, adminPass: Type.Optional(Type.String()) }, { additionalProperties: false }) }),
  },
  createImage: action('createImage', exactly({ name, metadata: Type.Optional(metadata) }), 'servers:create_image', 'Make an image of its root disk'),
  changePassword: action('changePassword', exactly({ adminPass }), 'os-admin-password', 'Change the password inside the guest'),
  getConsoleOutput: {
    ...action('os-getConsoleOutput', exactly({ length: Type.Optional(Type.Union([Type.Integer({ minimum: -1 }), Type.String({ pattern: '^-?[0-9]+$' }), Type.Null()])) }), 'os-console-output', 'What it wrote to its console'),
    status: 200,
    // It changes nothing, and asks the host: no transaction is held meanwhile.
    effects: 'own',
    response: exactly({ output: Type.String() }),
  },
  addSecurityGroup: action('addSecurityGroup', group, 'os-security-groups:add', 'Put its interfaces into a security group'),
  removeSecurityGroup: action('removeSecurityGroup', group, 'os-security-groups:remove', 'Take its interfaces out of a security group'),
  addFloatingIp: { ...action('addFloatingIp', exactly({ address, fixed_address: Type.Optional(address) }), 'os-floating-ips:add', 'Let a floating IP lead to it'), stability: 'deprecated', deprecation: { since: '2016-12-15' }, until: '2.43' },
  removeFloatingIp: { ...action('removeFloatingIp', exactly({ address }), 'os-floating-ips:remove', 'Let a floating IP lead to it no longer'), stability: 'deprecated', deprecation: { since: '2016-12-15' }, until: '2.43' },
  forceDelete: action('forceDelete', nothing, 'os-deferred-delete:force', 'Delete a server whatever its state'),
  resetState: {
    ...action('os-resetState', exactly({ state: Type.Union([Type.Literal('active'), Type.Literal('error')]) }), 'os-admin-actions:reset_state', 'Say by hand what state it is in'),
    access: { rule: 'os_compute_api:os-admin-actions:reset_state', who: 'admin' },
  },
});
