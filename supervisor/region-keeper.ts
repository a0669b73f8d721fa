/** Keeps what runs for one region: its API, its agent with the engines below, its worker. The first region's serve home too. */
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../kit/log.ts';
import { codeFolderFor, commandAs } from './account.ts';
import { layoutOf, type CloudConfig } from './config.ts';
import { ensureGate } from './gate.ts';
import { watchDaemons, type Daemon, type DaemonState, type DaemonWatch } from './daemons.ts';
import { manageProcess, type ManagedProcess, type ProcessState } from './process.ts';
import { doStep, type Report } from './steps.ts';
import { writeAuthorities } from './trust.ts';

/** What runs below the agent, for a driver that has engines of its own. */
export type EngineRoom = {
  /** Installs what is missing, each step with its report. */
  install(report: Report): Promise<void>;
  /** Builds the first guest image, unless it is there. */
  buildImage(report: Report): Promise<void>;
  /** Starts the engines and returns them for watching. */
  start(): Promise<readonly Daemon[]>;
  /** Lets hosts on other machines in, from now on: what watches the engines starts them so too. */
  admitHosts(gate: NonNullable<CloudConfig['gate']>): Promise<void>;
  /** Ends the engines and what runs on them, so that the next start finds it as it was. */
  stop(log: Log): Promise<void>;
  /** Takes down what is left of them, for a region that is deleted. */
  clear(): Promise<void>;
};

export type RegionKeeperOptions = {
  /** The cloud of the state folder. */
  cloud: CloudConfig;
  /** The region's, which is the cloud's for the first one. */
  config: CloudConfig;
  code: string;
  node: string;
  /** What its API and worker prove with who they are. */
  secrets: Record<string, string>;
  /** What its agent proves with who we are, at a partner. */
  agentSecrets?: Record<string, string>;
  engineRoom: EngineRoom | null;
  log: Log;
  report: Report;
};

export type RegionKeeper = {
  readonly name: string;
  readonly engineRoom: EngineRoom | null;
  /** `goOn` hands a step's result on, and throws when nothing more is to be started. */
  start(goOn: <T>(step?: Promise<T>) => Promise<T>): Promise<void>;
  processes(): ProcessState[];
  engines(): Promise<DaemonState[]>;
  /** Those who ask before those who are asked; the engines go on. */
  stopProcesses(attempt: Attempt): Promise<void>;
  stopEngines(attempt: Attempt): Promise<void>;
  /** Lets hosts come in from now on. */
  openGate(gate: NonNullable<CloudConfig['gate']>): Promise<void>;
  /** Takes back what is ours at the partner, when nothing else of the region runs. */
  part(): Promise<void>;
};

/** What cannot be stopped in order must not keep the rest from it. */
export type Attempt = (what: string, work: () => Promise<void> | undefined) => Promise<void>;

const partedWithinMs = 600_000;
const smallHeap = ['--max-semi-space-size=2'];

export function keepRegion({ cloud, config, code, node, secrets, agentSecrets, engineRoom: room, log, report }: RegionKeeperOptions): RegionKeeper {
  const further = config.stateDir !== cloud.stateDir;
  const layout = layoutOf(config.stateDir);
  const authorities = writeAuthorities(cloud);
  const where = further ? `${config.region}: ` : '';
  const processes: ManagedProcess[] = [];
  let daemons: DaemonWatch | undefined;

  function role(name: string, account: CloudConfig['account'], told = secrets, readyWithinMs = 60_000): ManagedProcess {
    const { command, code: visible } = commandAs(account, node, smallHeap, code, codeFolderFor(cloud.cloudId));
    const { cache } = layoutOf(cloud.stateDir);
    const managed = manageProcess({
      name: further ? `${config.region}/${name}` : name,
      command,
      args: [join(visible, 'main.ts'), name, '--state', cloud.stateDir, ...(further ? ['--region', config.region] : [])],
      // Compiled code is cached for the account that runs it, outside the checkout.
      env: { NODE_COMPILE_CACHE: join(cache, `code-${account?.uid ?? 'own'}`), NODE_OPTIONS: '--disable-proto=delete', ...(authorities === undefined ? {} : { NODE_EXTRA_CA_CERTS: authorities }) },
      logFile: join(layout.log, `${name}.log`),
      secrets: told,
      readyWithinMs,
      log,
    });
    processes.push(managed);
    return managed;
  }

  async function startEngines(goOn: <T>(step?: Promise<T>) => Promise<T>): Promise<void> {
    if (!room) return;
    const watched = await goOn(doStep(report, `${where}Start libvirt and OVN`, () => room.start()));
    daemons = watchDaemons(watched, log);
  }

  async function openGate(at: NonNullable<CloudConfig['gate']>): Promise<void> {
    const hostAuthorityKey = await ensureGate(config);
    // Where they were started with it, it is so already.
    if (at !== config.gate) await room?.admitHosts(at);
    const gate = role('gate', config.account, { hostAuthorityKey });
    try {
      await gate.start();
    } catch (error) {
      await gate.stop();
      processes.splice(processes.indexOf(gate), 1);
      throw error;
    }
  }

  return {
    name: config.region,
    engineRoom: room,
    openGate,
    async start(goOn) {
      if (config.member) {
        await startEngines(goOn);
        return goOn(doStep(report, `Start the host agent (${config.driver})`, () => role('agent', null, {}).start()));
      }
      // The API first of all: it answers while engines and guests are still on their way.
      const api = role('api', config.account);
      const answering = doStep(report, `${where}Start the API`, () => api.start());
      // Waited for below; until then its failure must not end the process before what came first is told.
      answering.catch((error: unknown) => log.error({ err: error }, 'the API did not start'));
      const imageBuilt = room?.buildImage(report);
      imageBuilt?.catch((error: unknown) => log.error({ err: error }, 'the guest image was not built'));
      await startEngines(goOn);
      const agent = role('agent', agentAccountOf(config), agentSecrets ?? secrets);
      await goOn(doStep(report, `${where}Start the host agent (${config.driver})`, () => agent.start()));
      await goOn(imageBuilt);
      const { gate } = config;
      if (gate) {
        // The schema is up to date when the API answers.
        await goOn(answering);
        await goOn(doStep(report, `${where}Open the gate for hosts`, () => openGate(gate)));
      }
      const worker = role('worker', config.account);
      await Promise.all([answering, doStep(report, `${where}Start the workers, and make flavors, network and image`, () => worker.start())]);
    },
    processes: () => processes.map((each) => each.state()),
    engines: async () => (await daemons?.states()) ?? [],
    async stopProcesses(attempt) {
      await attempt(`${where}the watch of the engines`, () => daemons?.stop());
      for (const each of processes.toReversed()) await attempt(each.name, () => each.stop());
    },
    async part() {
      const parting = role('part', agentAccountOf(config), agentSecrets ?? secrets, partedWithinMs);
      try {
        await parting.start();
      } finally {
        await parting.stop();
      }
    },
    async stopEngines(attempt) {
      await attempt(`${where}the watch of the engines`, () => daemons?.stop());
      await attempt(`${where}the engines`, () => room?.stop(log));
    },
  };
}

/** A partner's cloud is only called: that needs none of root's rights. Null: root's, for hosts of our own. */
function agentAccountOf({ driver, account }: CloudConfig): CloudConfig['account'] {
  return driver === 'openstack' ? account : null;
}

/** The folders of a region, of which some are for the account that serves. */
export function makeRegionFolders(config: CloudConfig): void {
  const layout = layoutOf(config.stateDir);
  const agentAccount = agentAccountOf(config);
  mkdirSync(config.stateDir, { recursive: true, mode: 0o755 });
  for (const folder of [layout.run, layout.log, layout.cache]) mkdirSync(folder, { recursive: true, mode: 0o755 });
  if (agentAccount) {
    // Its agent makes its socket there, and takes away nothing that is another's: what root writes there stays root's.
    chownSync(layout.run, -1, agentAccount.gid);
    chmodSync(layout.run, 0o1775);
  }
  mkdirSync(layout.secrets, { recursive: true, mode: 0o700 });
  mkdirSync(layout.agent, { recursive: true, mode: 0o700 });
  for (const folder of [layout.blobs, join(layout.blobs, 'incoming'), join(layout.blobs, 'aside'), join(layout.blobs, 'cached'), layout.objects, join(layout.objects, 'incoming')]) ownFolder(folder, config);
}

/** Images and objects are their projects': nobody else looks into it. */
export function ownFolder(folder: string, { account }: CloudConfig): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (account) chownSync(folder, account.uid, account.gid);
}

/** A further region asks its cloud's own server, with databases of its own. */
export function sharePostgres(cloud: CloudConfig, region: CloudConfig): void {
  if (cloud.database === 'embedded') copyFileSync(layoutOf(cloud.stateDir).postgresAddress, layoutOf(region.stateDir).postgresAddress);
}

/** How a region proves at home who it is; it was told when it joined. */
export function homeLinkOf(config: CloudConfig): Record<string, string> {
  return { homeLink: readFileSync(layoutOf(config.stateDir).homeLink, 'utf8') };
}

/** What a partner knows us by; it was told when the partner was added. */
export function partnerSecretOf(config: CloudConfig): Record<string, string> {
  return { partnerSecret: readFileSync(layoutOf(config.stateDir).partnerSecret, 'utf8').trim() };
}
