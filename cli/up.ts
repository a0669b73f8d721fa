/** `intercloud up`: settles what the cloud is, starts its supervisor, and shows what happens. */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { contracts } from '../contract/contracts.ts';
import { serviceAccount } from '../supervisor/account.ts';
import { baseUrl, cloudIdOf, externalNetworkOf, layoutOf, readConfig, type CloudConfig, type DriverName } from '../supervisor/config.ts';
import { askSupervisor, type Status } from '../supervisor/control.ts';
import { hostShapeOf, shapeForm } from '../supervisor/host-shape.ts';
import { bucketPlaceOf, keepKey, keyIn, placeForm } from '../supervisor/object-store-place.ts';
import type { StepReport } from '../supervisor/steps.ts';
import { showStep } from './progress.ts';
import { lockedExitCode, startSupervisor } from './role.ts';
import { writeClientFiles, type ClientFiles } from './client-files.ts';
import { Failure } from './failure.ts';
import { hostAgain } from './host.ts';
import { keepPolicy } from './policy.ts';
import { demandOwner, demandShortPath } from './state-folder.ts';
import { table } from './table.ts';

export type UpOptions = {
  state: string;
  driver?: DriverName;
  hosts?: number;
  hostShape?: string;
  port?: number;
  listen?: string;
  region?: string;
  database?: string;
  objectStore?: string;
  objectStoreKey?: string;
  tls?: boolean;
  tlsCert?: string;
  tlsKey?: string;
  policy?: string;
  clockAhead?: number;
  format: string;
};

// The first start on a machine installs packages and builds an image.
const othersWithinMs = 15 * 60_000;

export async function up(options: UpOptions): Promise<void> {
  const layout = layoutOf(options.state);
  demandOwner(options.state);
  for (const deadline = performance.now() + othersWithinMs; ; await pause(200)) {
    const running = await askSupervisor<Status>(layout.supervisorSocket, { command: 'status' });
    const before = readConfig(options.state);
    if (before?.member) return hostAgain(before, running, options.format);
    if (before?.home) return upAgain(before, running, options.format);
    if (running?.phase === 'up' && before) {
      refuseOtherWishes(options, before);
      return say(before, writeClientFiles(before), options.format, { already: true, freshPassword: false });
    }
    if (!running) {
      const config = settle(options, before);
      if (options.policy !== undefined) keepPolicy(options.state, options.policy);
      const freshPassword = makeSecret(layout.adminPassword, layout.secrets, 18);
      makeSecret(layout.cloudKeys, layout.secrets, 32);
      keepObjectStoreKey(options, config);
      if ((await start(config, options.format)) === 'up') return say(config, writeClientFiles(config), options.format, { already: false, freshPassword });
    }
    // Another command starts or stops it: whatever comes of that, we go on from there.
    if (performance.now() > deadline) throw new Failure(`The cloud of ${options.state} has been ${running?.phase ?? 'starting'} for ${othersWithinMs / 60_000} minutes`, `Look into ${join(layout.log, 'supervisor.log')}`);
  }
}

/** A region whose home is elsewhere is as it was when it joined. */
async function upAgain(config: CloudConfig, running: Status | undefined, format: string): Promise<void> {
  if (!running) await start(config, format);
  process.stdout.write(`The region ${config.region} of the cloud at ${config.home?.url} ${running ? `is ${running.phase} already` : 'is up'}, at ${baseUrl(config)}\n`);
}

export function settle(options: UpOptions, before: CloudConfig | undefined): CloudConfig {
  const asRoot = process.getuid?.() === 0;
  const cloudId = before?.cloudId ?? cloudIdOf(options.state);
  const driver = options.driver ?? before?.driver ?? (asRoot ? 'libvirt-ovn' : 'simulated');
  if (driver === 'libvirt-ovn' && !asRoot) throw new Failure('Real machines need root: libvirt, Open vSwitch and taps cannot be had without', 'Run it with sudo, or take simulated hosts: intercloud up --driver simulated');
  if (before && before.driver !== driver) throw new Failure(`This cloud has ${before.driver} hosts; they cannot become ${driver} ones`, `Start another cloud beside it: intercloud up --driver ${driver} --state <another folder>`);
  if ((options.tlsCert === undefined) !== (options.tlsKey === undefined)) throw new Failure('--tls-cert and --tls-key go together', 'Give both, or --tls alone for a certificate of our own');
  demandShortPath(options.state, driver);
  return {
    cloudId,
    stateDir: options.state,
    driver,
    hosts: driver === 'simulated' ? (options.hosts ?? before?.hosts ?? 3) : 1,
    ...shapeOf(options, before),
    host: options.listen ?? before?.host ?? '127.0.0.1',
    port: options.port ?? before?.port ?? 5000,
    region: options.region ?? before?.region ?? 'RegionOne',
    database: options.database ?? before?.database ?? 'embedded',
    tls: tlsOf(options, before),
    account: asRoot ? serviceAccount : null,
    externalNetwork: before?.externalNetwork ?? externalNetworkOf(cloudId),
    regions: before?.regions ?? [],
    home: before?.home ?? null,
    ...(before?.gate ? { gate: before.gate } : {}),
    ...objectStoreOf(options, before),
    ...clockOf(options.clockAhead ?? before?.clockAheadSeconds ?? 0),
  };
}

function shapeOf({ hostShape: wish }: UpOptions, before: CloudConfig | undefined): Pick<CloudConfig, 'hostShape'> {
  if (wish === undefined) return before?.hostShape ? { hostShape: before.hostShape } : {};
  const hostShape = hostShapeOf(wish);
  if (!hostShape) throw new Failure('--host-shape says of no host what it is made of', `Write it as ${shapeForm}; cells are alike, and processors for one guest each lie in cells`);
  return { hostShape };
}

function objectStoreOf({ objectStore: wish, state }: UpOptions, before: CloudConfig | undefined): Pick<CloudConfig, 'objectStore'> {
  const is = before?.objectStore;
  if (wish === undefined) return is ? { objectStore: is } : {};
  const place = bucketPlaceOf(wish);
  if (!place) throw new Failure('--object-store names no bucket', `Write it as ${placeForm}, without a key`);
  // Its address may be another one; it is the same bucket.
  if (before && (is?.bucket !== place.bucket || is.prefix !== place.prefix)) throw new Failure(`The cloud of ${state} has the bytes of its objects ${is ? `in ${is.bucket}/${is.prefix}` : 'in its folder'}; they do not move by themselves`, 'Start another cloud with --object-store and --state, and copy the objects there (rclone)');
  return { objectStore: place };
}

/** Given anew at each start, or once: it is kept then, for the processes that serve. */
function keepObjectStoreKey({ objectStoreKey: file, state }: UpOptions, { objectStore }: CloudConfig): void {
  if (!objectStore) return;
  const { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret } = process.env;
  const key = file === undefined ? (access && secret ? { access, secret } : undefined) : keyIn(readFileSync(file, 'utf8'));
  if (key) keepKey(state, key);
  else if (file !== undefined || !existsSync(layoutOf(state).objectStoreKey)) throw new Failure(`There is no key to the bucket ${objectStore.bucket}${file === undefined ? '' : ` in ${file}`}`, 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write aws_access_key_id = … and aws_secret_access_key = … into a file for --object-store-key');
}

function clockOf(clockAheadSeconds: number): Pick<CloudConfig, 'clockAheadSeconds'> {
  return clockAheadSeconds === 0 ? {} : { clockAheadSeconds };
}

function tlsOf(options: UpOptions, before: CloudConfig | undefined): CloudConfig['tls'] {
  const { tls } = layoutOf(options.state);
  const own = { certificate: join(tls, 'server.pem'), key: join(tls, 'server.key') };
  if (options.tlsCert !== undefined && options.tlsKey !== undefined) {
    // Copied: the cloud starts again also when the files have moved, and the account that serves can read them.
    mkdirSync(tls, { recursive: true, mode: 0o755 });
    copyFileSync(options.tlsCert, own.certificate);
    copyFileSync(options.tlsKey, own.key);
    chmodSync(own.key, 0o600);
    if (process.getuid?.() === 0) chownSync(own.key, serviceAccount.uid, serviceAccount.gid);
    return { ...own, authority: null };
  }
  if (options.tls === true) return { ...own, authority: join(tls, 'authority.pem') };
  return before?.tls ?? null;
}

function refuseOtherWishes(options: UpOptions, running: CloudConfig): void {
  objectStoreOf(options, running);
  const wishes: [keyof UpOptions, unknown, unknown][] = [
    ['port', options.port, running.port],
    ['listen', options.listen, running.host],
    ['driver', options.driver, running.driver],
    ['database', options.database, running.database],
    ['region', options.region, running.region],
    ['policy', options.policy, 'rules of its own'],
  ];
  for (const [name, wish, is] of wishes)
    if (wish !== undefined && wish !== is) throw new Failure(`The cloud of ${options.state} runs already, with --${name} ${String(is)}`, 'Stop it first (intercloud down), or start another one beside it with --state');
}

/** Made once. Whether it is new: it is shown then and never again. */
function makeSecret(path: string, folder: string, bytes: number): boolean {
  if (existsSync(path)) return false;
  // The state folder first: made on the way it would be as closed as this one.
  mkdirSync(dirname(folder), { recursive: true, mode: 0o755 });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(path, `${randomBytes(bytes).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  return true;
}

/** `locked`: another command was faster. */
export function start(config: CloudConfig, format: string): Promise<'up' | 'locked'> {
  const layout = layoutOf(config.stateDir);
  mkdirSync(layout.log, { recursive: true, mode: 0o755 });
  const output = openSync(join(layout.log, 'supervisor.log'), 'a', 0o640);
  const supervisor = startSupervisor(config, output);
  closeSync(output);
  const show = showStep(format === 'json' || !process.stdout.isTTY ? 'plain' : 'terminal', process.stderr);
  return new Promise((resolve, reject) => {
    // It may be gone before it is told what to do; how it ended says why.
    supervisor.on('error', (error) => supervisor.pid === undefined && reject(error));
    supervisor.once('exit', (code, signal) => {
      if (code === lockedExitCode) resolve('locked');
      else reject(new Failure(`The supervisor ended (${signal ?? code})`, `Its last words are in ${join(layout.log, 'supervisor.log')}`));
    });
    supervisor.on('message', (report: StepReport) => {
      show(report);
      if (report.kind === 'ready') {
        supervisor.removeAllListeners();
        supervisor.disconnect();
        supervisor.unref();
        resolve('up');
      } else if (report.kind === 'failed') {
        supervisor.removeAllListeners('exit');
        reject(new Failure(report.message, report.remedy ?? `The logs are in ${layout.log}`));
      }
    });
  });
}

function say(config: CloudConfig, files: ClientFiles, format: string, more: { already: boolean; freshPassword: boolean }): void {
  const layout = layoutOf(config.stateDir);
  const base = baseUrl(config);
  const endpoints = contracts.map(({ type, name, path }) => ({ service: type, name, url: `${base}${path}` }));
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify({ url: base, region: config.region, driver: config.driver, state: config.stateDir, cloud: files.cloud, cloudsYaml: files.path, adminPasswordFile: layout.adminPassword, endpoints }, null, 2)}\n`);
    return;
  }
  const addresses = table(['Service', 'Name', 'Address'], endpoints.map(({ service, name, url }) => [service, name, url]));
  const password = more.freshPassword ? [`  Password of admin (shown once; kept in ${layout.adminPassword}): ${readFileSync(layout.adminPassword, 'utf8').trim()}`] : [];
  process.stdout.write(
    [
      more.already ? 'The cloud runs already.' : 'The cloud is up.',
      addresses,
      ...password,
      files.written ? `  export OS_CLOUD=${files.cloud}` : `  export OS_CLIENT_CONFIG_FILE=${files.path} OS_CLOUD=${files.cloud}     # ${files.reason}`,
      '  openstack server list',
      `  # or, without clouds.yaml:  eval "$(intercloud openrc${stateFlag(config)})"`,
      '',
    ].join('\n'),
  );
}

function stateFlag(config: CloudConfig): string {
  return process.env['INTERCLOUD_STATE'] === undefined ? ` --state ${config.stateDir}` : '';
}
