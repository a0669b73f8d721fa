/** Open vSwitch and OVN of one cloud on one host: their databases, daemons and settings. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import { engineDaemon, type EngineDaemon } from './engine-daemon.ts';
import type { EngineLayout } from './engine-layout.ts';
import { isThere, type EnginePrograms } from './engine-programs.ts';
import { externalBridgePort } from './external-network.ts';
import { type Underlay, underlayPort, useUnderlay } from './underlay.ts';

/** PEM files: a host's or a region's own, and the authority that both are from. */
export type TlsFiles = { key: string; certificate: string; authority: string };

export type SwitchOptions = {
  layout: EngineLayout;
  programs: EnginePrograms;
  /** Becomes the chassis' name, by which ports ask for this host. */
  hostId: string;
  /** How tunnels to other hosts get out. Without: there are none. */
  underlay?: Underlay;
  /**
   * Where the southbound database is found by hosts on other machines, on this one's loopback: here, for those whom the authority knows,
   * each by its id as the common name of its certificate; or, of a host that joined, there.
   */
  southbound?: { side: 'serves' | 'follows'; port: number; tls: TlsFiles };
};

/** In the order in which they start. A host that follows another's southbound database has none of the central ones. */
export function switchDaemons({ layout, programs, hostId, underlay, southbound }: SwitchOptions): EngineDaemon[] {
  const { runDirectory: folder, networkNamespacePath: namespace } = layout;
  const environment = { OVS_RUNDIR: folder, OVN_RUNDIR: folder, OVS_LOGDIR: folder, OVN_LOGDIR: folder };
  const at = (name: string) => join(folder, name);
  const common = (name: string) => [`--pidfile=${at(`${name}.pid`)}`, `--log-file=${at(`${name}.log`)}`, '--no-chdir', '--detach', '-vconsole:off'];

  const tls = southbound ? [`--private-key=${southbound.tls.key}`, `--certificate=${southbound.tls.certificate}`, `--ca-cert=${southbound.tls.authority}`] : [];
  const database = (name: string, schema: Parameters<EnginePrograms['schema']>[0], prepare: () => Promise<unknown>, more: string[] = []) =>
    engineDaemon({
      name: `ovsdb-server (${name})`,
      pidFile: at(`${name}.pid`),
      async launch() {
        await mkdir(folder, { recursive: true, mode: 0o755 });
        const file = at(`${name}.db`);
        if (!(await isThere(file))) await run(programs.program('ovsdb-tool'), ['create', file, programs.schema(schema)]);
        await run(programs.program('ovsdb-server'), [file, `--remote=punix:${at(`${name}.sock`)}`, `--unixctl=${at(`${name}.ctl`)}`, ...common(name), ...more], { environment });
        await prepare();
      },
    });

  const central = () => [
    database('ovnnb', 'ovn-nb', () => run(programs.program('ovn-nbctl'), ['--no-leader-only', `--db=unix:${layout.nbSocket}`, 'init'], { environment })),
    database(
      'ovnsb',
      'ovn-sb',
      // Whoever comes by TLS may write only what is his, by OVN's own rules for that role: ovn-sb(5), RBAC_Role.
      () => run(programs.program('ovn-sbctl'), ['--no-leader-only', `--db=unix:${layout.sbSocket}`, 'init', ...(southbound ? ['--', '--inactivity-probe=5000', 'set-connection', 'role=ovn-controller', `pssl:${southbound.port}:127.0.0.1`] : [])], { environment }),
      southbound ? ['--remote=db:OVN_Southbound,SB_Global,connections', ...tls] : [],
    ),
    engineDaemon({
      name: 'ovn-northd',
      pidFile: at('northd.pid'),
      launch: () =>
        run(programs.program('ovn-northd'), [`--ovnnb-db=unix:${layout.nbSocket}`, `--ovnsb-db=unix:${layout.sbSocket}`, `--unixctl=${at('northd.ctl')}`, ...common('northd')], { environment }).then(ignore),
    }),
  ];
  const follows = southbound?.side === 'follows';
  const remote = follows ? `ssl:127.0.0.1:${southbound.port}` : `unix:${layout.sbSocket}`;

  return [
    ...(follows ? [] : central()),
    database('conf', 'vswitch', () => configure({ layout, programs, hostId, environment, remote, underlay, isCentral: !follows })),
    engineDaemon({
      name: 'ovs-vswitchd',
      pidFile: at('vswitchd.pid'),
      async launch() {
        await run(programs.program('ovs-vswitchd'), [`unix:${layout.confSocket}`, `--unixctl=${at('vswitchd.ctl')}`, ...common('vswitchd')], { environment, namespace });
        // The bridge's own interface is the switch's, and went with it.
        if (underlay) await useUnderlay(layout, underlay);
      },
    }),
    engineDaemon({
      name: 'ovn-controller',
      pidFile: at('ovn-controller.pid'),
      // One that follows finds the way to its region on the host's loopback, and needs nothing of the namespace but files.
      launch: () =>
        run(programs.program('ovn-controller'), [`unix:${layout.confSocket}`, `--unixctl=${at('ovn-controller.ctl')}`, ...common('ovn-controller'), ...(follows ? tls : [])], { environment, ...(follows ? {} : { namespace }) }).then(ignore),
    }),
  ];
}

/** Names the chassis and makes its bridges; what is so already stays. */
async function configure({ layout, programs, hostId, environment, remote, underlay, isCentral }: Pick<SwitchOptions, 'layout' | 'programs' | 'hostId'> & { environment: Record<string, string>; remote: string; underlay: Underlay | undefined; isCentral: boolean }): Promise<void> {
  const { integrationBridge: int, externalBridge: ex, underlayBridge: phy } = layout;
  const ids = {
    'system-id': hostId,
    hostname: hostId,
    'ovn-remote': remote,
    'ovn-encap-type': 'geneve',
    // Of one host alone no packet is ever tunnelled, but a chassis must say where it would be.
    'ovn-encap-ip': underlay?.address ?? '127.0.0.1',
    'ovn-bridge': int,
    'ovn-bridge-datapath-type': 'netdev',
    // The world outside is the first machine's: a host that joined has no way there but tunnels.
    ...(isCentral ? { 'ovn-bridge-mappings': `${layout.physicalNetwork}:${ex}` } : { 'ovn-remote-probe-interval': '5000' }),
    // A controller that goes away for a moment must not take the flows with it.
    'ovn-monitor-all': 'true',
  };
  await run(
    programs.program('ovs-vsctl'),
    [
      '--no-wait', `--db=unix:${layout.confSocket}`, 'init',
      '--', 'set', 'Open_vSwitch', '.', ...Object.entries(ids).map(([key, value]) => `external-ids:${key}="${value}"`),
      '--', '--may-exist', 'add-br', int, '--', 'set', 'bridge', int, 'datapath_type=netdev', 'fail-mode=secure', 'other-config:disable-in-band=true',
      ...(isCentral ? ['--', '--may-exist', 'add-br', ex, '--', 'set', 'bridge', ex, 'datapath_type=netdev', 'fail-mode=standalone', '--', '--may-exist', 'add-port', ex, externalBridgePort] : []),
      // Tunnels of the userspace datapath leave by an address on a bridge of the same datapath.
      ...(underlay ? ['--', '--may-exist', 'add-br', phy, '--', 'set', 'bridge', phy, 'datapath_type=netdev', 'fail-mode=standalone', '--', '--may-exist', 'add-port', phy, underlayPort] : []),
    ],
    { environment },
  );
}

function ignore(): void {}
