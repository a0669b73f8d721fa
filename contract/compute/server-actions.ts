/** `POST /servers/{id}/action`: one operation for each key of the body. nova/api/openstack/compute/*.py */
import { Type, type TSchema } from 'typebox';
import { operations, since, until } from '../contract.ts';
import { address, adminPass, boolean, certificates, description, diskConfig, domainName, exactly, metadata, name, nonNegativeInteger, uuid } from './fields.ts';
import { changedServer, hostnameOrDomain, personality, userData } from './servers.ts';

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
const nil = Type.Null();

/** No client may say it: `changes` does for older ones. */
const ofChanges = until('2.0', Type.Optional(Type.Boolean()));

/** One that only administrators may ask for, unless the operator says otherwise. */
function administratorsAction<const A extends string, B extends TSchema>(key: A, value: B, rule: string, summary: string) {
  return { ...action(key, value, rule, summary), access: { rule: `os_compute_api:${rule}`, who: 'admin' } } as const;
}

/** Up to 2.5; then consoles have an address of their own. */
function olderConsole<const A extends string, T extends TSchema>(key: A, type: T, summary: string) {
  return {
    ...action(key, exactly({ type }), 'os-remote-consoles', summary),
    stability: 'deprecated',
    deprecation: { since: '2015-10-15' },
    until: '2.5',
    status: 200,
    response: exactly({ console: exactly({ type: Type.String(), url: Type.String() }) }),
  } as const;
}

const toProxy = { stability: 'deprecated', deprecation: { since: '2016-12-15' }, until: '2.43' } as const;

const nullableHost = Type.Union([domainName, Type.Null()]);

const liveMigration = exactly({
  block_migration: Type.Union([boolean, Type.Literal('auto', { 'x-since': '2.25' })]),
  disk_over_commit: until('2.24', boolean),
  host: nullableHost,
  force: since('2.30', until('2.67', Type.Optional(boolean))),
  checkedAtOnce: ofChanges,
});

const imageMade = { response: since('2.45', Type.Object({ image_id: Type.Optional(Type.String()) }, { additionalProperties: false })) };
const group = exactly({ name });

export const serverActions = operations({
  start: action('os-start', nothing, 'servers:start', 'Start a stopped server'),
  stop: action('os-stop', nothing, 'servers:stop', 'Stop a server'),
  reboot: action('reboot', exactly({ type: Type.String({ pattern: '^([Ss][Oo][Ff][Tt]|[Hh][Aa][Rr][Dd])$' }) }), 'servers:reboot', 'Restart a server, by asking it or by force'),
  pause: action('pause', nothing, 'os-pause-server:pause', 'Halt its processors'),
  unpause: action('unpause', nothing, 'os-pause-server:unpause', 'Let its processors go on'),
  suspend: action('suspend', nothing, 'os-suspend-server:suspend', 'Write its memory to disk'),
  resume: action('resume', nothing, 'os-suspend-server:resume', 'Go on from the memory on disk'),
  lock: action('lock', Type.Union([until('2.72', nothing), since('2.73', Type.Null()), since('2.73', exactly({ locked_reason: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) }))]), 'os-lock-server:lock', 'Refuse changes of this server'),
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
        personality: until('2.56', Type.Optional(personality)),
        description: since('2.19', Type.Optional(description)),
        key_name: since('2.54', Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()]))),
        user_data: since('2.57', Type.Optional(Type.Union([userData, Type.Null()]))),
        trusted_image_certificates: since('2.63', Type.Optional(certificates)),
        hostname: since('2.90', Type.Optional(hostnameOrDomain)),
        keepVolume: ofChanges,
      }),
      'servers:rebuild',
      'Make its root disk anew from an image',
    ),
    response: exactly({
      server: Type.Object(
        {
          ...changedServer.properties,
          key_name: since('2.54', changedServer.properties.key_name),
          user_data: since('2.57', Type.Union([Type.String(), Type.Null()])),
          adminPass: Type.Optional(Type.String()),
        },
        { additionalProperties: false },
      ),
    }),
  },
  createImage: { ...action('createImage', exactly({ name, metadata: Type.Optional(metadata) }), 'servers:create_image', 'Make an image of its root disk'), ...imageMade },
  createBackup: {
    ...action('createBackup', exactly({ name, backup_type: Type.String(), rotation: nonNegativeInteger, metadata: Type.Optional(metadata) }), 'os-create-backup', 'Make an image of its root disk, and delete the oldest of such'),
    ...imageMade,
  },
  rescue: {
    ...action('rescue', Type.Union([exactly({ adminPass: Type.Optional(adminPass), rescue_image_ref: Type.Optional(uuid), fromLocalDisk: ofChanges }), Type.Null()]), 'os-rescue', 'Start it from another image, with its own disk beside'),
    status: 200,
    response: exactly({ adminPass: Type.String() }),
  },
  unrescue: action('unrescue', nothing, 'os-unrescue', 'Start it from its own disk again'),
  shelve: action('shelve', nothing, 'os-shelve:shelve', 'Keep its disk as an image, so that its host can be given to others'),
  shelveOffload: administratorsAction('shelveOffload', nothing, 'os-shelve:shelve_offload', 'Give the host of a shelved server to others'),
  unshelve: action(
    'unshelve',
    Type.Union([
      until('2.76', nothing),
      since('2.77', Type.Null()),
      since('2.77', until('2.90', exactly({ availability_zone: name }))),
      since('2.91', exactly({ availability_zone: Type.Optional(Type.Union([Type.String(), Type.Null()])), host: Type.Optional(Type.String()) })),
    ]),
    'os-shelve:unshelve',
    'Start a shelved server again',
  ),
  restore: action('restore', nothing, 'os-deferred-delete:restore', 'Take back that it was deleted'),
  triggerCrashDump: { ...action('trigger_crash_dump', nil, 'servers:trigger_crash_dump', 'Let its kernel write down what is in its memory'), since: '2.17' },
  migrate: {
    ...action('migrate', Type.Union([until('2.55', nothing), since('2.56', Type.Null()), since('2.56', exactly({ host: Type.Optional(nullableHost) }))]), 'os-migrate-server:migrate', 'Move it to another host, to be confirmed'),
    access: { rule: 'os_compute_api:os-migrate-server:migrate', who: 'manager', adminEverywhere: true },
  },
  migrateLive: {
    ...action('os-migrateLive', liveMigration, 'os-migrate-server:migrate_live', 'Move it to another host while it runs'),
    access: { rule: 'os_compute_api:os-migrate-server:migrate_live', who: 'manager', adminEverywhere: true },
  },
  evacuate: {
    ...administratorsAction(
      'evacuate',
      exactly({ host: Type.Optional(domainName), onSharedStorage: until('2.13', Type.Optional(boolean)), adminPass: Type.Optional(adminPass), force: since('2.29', until('2.67', Type.Optional(boolean))), keepPower: ofChanges }),
      'os-evacuate',
      'Make it anew on another host, because its own has failed',
    ),
    status: 200,
    response: exactly({ adminPass: until('2.13', Type.Optional(Type.String())) }),
  },
  injectNetworkInfo: administratorsAction('injectNetworkInfo', nothing, 'os-admin-actions:inject_network_info', 'Tell its host again what its network is'),
  getVncConsole: olderConsole('os-getVNCConsole', Type.Union([Type.Literal('novnc'), Type.Literal('xvpvnc')]), 'Where its screen is seen in a browser'),
  getSpiceConsole: olderConsole('os-getSPICEConsole', Type.Literal('spice-html5'), 'Where its screen is seen by SPICE'),
  getSerialConsole: olderConsole('os-getSerialConsole', Type.Literal('serial'), 'Where its serial console is'),
  addFixedIp: { ...action('addFixedIp', exactly({ networkId: Type.Union([Type.String(), Type.Integer()]) }), 'os-multinic:add', 'Give it another address of a network'), ...toProxy },
  removeFixedIp: { ...action('removeFixedIp', exactly({ address }), 'os-multinic:remove', 'Take an address away from it'), ...toProxy },
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
  addFloatingIp: { ...action('addFloatingIp', exactly({ address, fixed_address: Type.Optional(address) }), 'os-floating-ips:add', 'Let a floating IP lead to it'), ...toProxy },
  removeFloatingIp: { ...action('removeFloatingIp', exactly({ address }), 'os-floating-ips:remove', 'Let a floating IP lead to it no longer'), ...toProxy },
  forceDelete: action('forceDelete', nothing, 'os-deferred-delete:force', 'Delete a server whatever its state'),
  resetState: {
    ...action('os-resetState', exactly({ state: Type.Union([Type.Literal('active'), Type.Literal('error')]) }), 'os-admin-actions:reset_state', 'Say by hand what state it is in'),
    access: { rule: 'os_compute_api:os-admin-actions:reset_state', who: 'admin' },
  },
});
