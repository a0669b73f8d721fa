/** Open vSwitch and OVN of one cloud on one host: their databases, daemons and settings. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import { engineDaemon, type EngineDaemon } from './engine-daemon.ts';
import type { EngineLayout } from './engine-layout.ts';
import { isThere, type EnginePrograms } from './engine-programs.ts';
import { externalBridgePort } from './external-network.ts';

/** In the order in which they start. `hostId` becomes the chassis' name, by which ports ask for this host. */
export function switchDaemons({ layout, programs, hostId }: { layout: EngineLayout; programs: EnginePrograms; hostId: string }): EngineDaemon[] {
  const { runDirectory: folder, networkNamespacePath: namespace } = layout;
  const environment = { OVS_RUNDIR: folder, OVN_RUNDIR: folder, OVS_LOGDIR: folder, OVN_LOGDIR: folder };
  const at = (name: string) => join(folder, name);
  const common = (name: string) => [`--pidfile=${at(`${name}.pid`)}`, `--log-file=${at(`${name}.log`)}`, '--no-chdir', '--detach', '-vconsole:off'];

  const database = (name: string, schema: Parameters<EnginePrograms['schema']>[0], prepare: () => Promise<unknown>) =>
    engineDaemon({
      name: `ovsdb-server (${name})`,
      pidFile: at(`${name}.pid`),
      async launch() {
        await mkdir(folder, { recursive: true, mode: 0o755 });
        const file = at(`${name}.db`);
        if (!(await isThere(file))) await run(programs.program('ovsdb-tool'), ['create', file, programs.schema(schema)]);
        await run(programs.program('ovsdb-server'), [file, `--remote=punix:${at(`${name}.sock`)}`, `--unixctl=${at(`${name}.ctl`)}`, ...common(name)], { environment });
        await prepare();
      },
    });

  return [
    database('ovnnb', 'ovn-nb', () => run(programs.program('ovn-nbctl'), ['--no-leader-only', `--db=unix:${layout.nbSocket}`, 'init'], { environment })),
    database('ovnsb', 'ovn-sb', () => run(programs.program('ovn-sbctl'), ['--no-leader-only', `--db=unix:${layout.sbSocket}`, 'init'], { environment })),
    engineDaemon({
      name: 'ovn-northd',
      pidFile: at('northd.pid'),
      launch: () =>
        run(programs.program('ovn-northd'), [`--ovnnb-db=unix:${layout.nbSocket}`, `--ovnsb-db=unix:${layout.sbSocket}`, `--unixctl=${at('northd.ctl')}`, ...common('northd')], { environment }).then(ignore),
    }),
    database('conf', 'vswitch', () => configure({ layout, programs, hostId, environment })),
    engineDaemon({
      name: 'ovs-vswitchd',
      pidFile: at('vswitchd.pid'),
      launch: () =>
        run(programs.program('ovs-vswitchd'), [`unix:${layout.confSocket}`, `--unixctl=${at('vswitchd.ctl')}`, ...common('vswitchd')], { environment, namespace }).then(ignore),
    }),
    engineDaemon({
      name: 'ovn-controller',
      pidFile: at('ovn-controller.pid'),
      launch: () =>
        run(programs.program('ovn-controller'), [`unix:${layout.confSocket}`, `--unixctl=${at('ovn-controller.ctl')}`, ...common('ovn-controller')], { environment, namespace }).then(ignore),
    }),
  ];
}

/** Names the chassis and makes both bridges; what is so already stays. */
async function configure({ layout, programs, hostId, environment }: { layout: EngineLayout; programs: EnginePrograms; hostId: string; environment: Record<string, string> }): Promise<void> {
  const { integrationBridge: int, externalBridge: ex } = layout;
  const ids = {
    'system-id': hostId,
    hostname: hostId,
    'ovn-remote': `unix:${layout.sbSocket}`,
    'ovn-encap-type': 'geneve',
    // One host: no packet is ever tunnelled, but a chassis must say where it would be.
    'ovn-encap-ip': '127.0.0.1',
    'ovn-bridge': int,
    'ovn-bridge-datapath-type': 'netdev',
    'ovn-bridge-mappings': `${layout.physicalNetwork}:${ex}`,
    // A controller that goes away for a moment must not take the flows with it.
    'ovn-monitor-all': 'true',
  };
  await run(
    programs.program('ovs-vsctl'),
    [
      '--no-wait', `--db=unix:${layout.confSocket}`, 'init',
      '--', 'set', 'Open_vSwitch', '.', ...Object.entries(ids).map(([key, value]) => `external-ids:${key}="${value}"`),
      '--', '--may-exist', 'add-br', int, '--', 'set', 'bridge', int, 'datapath_type=netdev', 'fail-mode=secure', 'other-config:disable-in-band=true',
      '--', '--may-exist', 'add-br', ex, '--', 'set', 'bridge', ex, 'datapath_type=netdev', 'fail-mode=standalone',
      '--', '--may-exist', 'add-port', ex, externalBridgePort,
    ],
    { environment },
  );
}

function ignore(): void {}
