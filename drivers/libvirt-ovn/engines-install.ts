/** What a host needs besides Node, and how it is got: from the distribution's own packages (Debian 12 and later, Ubuntu). */
import { spawn } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { DriverError } from '../driver.ts';
import { run, searchPath } from './command.ts';
import { chooseEnginePrograms, engineProgramNames, isThere, isWanted, wrapperFolder, type EnginePrograms } from './engine-programs.ts';

export type Progress = (line: string) => void;

const computePackages = ['qemu-system-x86', 'qemu-utils', 'ovmf', 'libvirt-daemon', 'libvirt-daemon-driver-qemu', 'libvirt-daemon-system', 'genisoimage'];
const networkPackages = ['nftables', 'iproute2', 'ethtool', 'util-linux'];
const switchPackages = ['openvswitch-switch', 'ovn-central', 'ovn-host'];
/** For guest/build.sh. */
const guestPackages = ['syslinux', 'syslinux-common', 'mtools', 'dosfstools', 'e2fsprogs', 'fdisk', 'cpio', 'fakeroot', 'kmod', 'lz4', 'xz-utils', 'zstd'];

/** The packages to install on this host, these too, in the order of their names; none when it has all. */
export async function missingPackages(more: readonly string[] = []): Promise<string[]> {
  const ownSwitch = isWanted(await candidateVersion('openvswitch-switch'));
  return notInstalled([...computePackages, ...networkPackages, ...guestPackages, ...(ownSwitch ? switchPackages : ['mmdebstrap']), ...more]);
}

export async function notInstalled(wanted: readonly string[]): Promise<string[]> {
  const known = await run('dpkg-query', ['--show', '--showformat', '${Package} ${db:Status-Status}\\n']);
  const installed = new Set(known.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.split(' ')[0]] : [])));
  return [...new Set(wanted)].filter((name) => !installed.has(name)).sort();
}

/** Installs what is missing; needs root. No daemon is started that does not run already: this program starts its own. */
export async function installPackages({ onProgress, more = [] }: { onProgress: Progress; more?: readonly string[] }): Promise<void> {
  onProgress('Reading the lists of packages');
  await apt(['update', '-q'], onProgress, { quiet: true });
  const packages = await missingPackages(more);
  if (packages.length === 0) return;
  onProgress(`Installing ${packages.length} packages`);
  await using _policy = await noDaemonStarts();
  await apt(['install', '-y', '-q', '--no-install-recommends', ...packages], onProgress);
}

/**
 * The newest programs that this host needs for its network: the distribution's, or a newer release's in a root under `cacheDir`.
 *
 * The root is unpacked from the same mirror that the host's own packages come from, and its programs run through its own loader: nothing of
 * the host changes.
 */
export async function installNewerEngines({ cacheDir, onProgress }: { cacheDir: string; onProgress: Progress }): Promise<EnginePrograms> {
  const root = join(cacheDir, 'switch-root');
  const present = await chooseEnginePrograms(root);
  if (present) return present;
  const { mirror, suite, components } = await newerRelease();
  onProgress(`Unpacking Open vSwitch and OVN of ${suite}`);
  await mkdir(cacheDir, { recursive: true });
  const unfinished = `${root}.new`;
  await rm(unfinished, { recursive: true, force: true });
  const include = [...switchPackages, 'iproute2'].join();
  await lines('mmdebstrap', ['--variant=apt', `--components=${components}`, `--include=${include}`, '--aptopt=APT::Install-Recommends "false"', suite, unfinished, mirror], onProgress, { quiet: true });
  await rm(root, { recursive: true, force: true });
  await rename(unfinished, root);
  await wrapPrograms(root);
  const programs = await chooseEnginePrograms(root);
  if (!programs) throw new DriverError('failed', `The root in ${root} has no Open vSwitch`);
  onProgress((await run(programs.program('ovs-vswitchd'), ['--version'])).split('\n')[0] ?? '');
  return programs;
}

async function wrapPrograms(root: string): Promise<void> {
  const folder = join(root, wrapperFolder);
  await mkdir(folder, { recursive: true });
  const loader = (await readdir(join(root, 'usr/lib64')).catch(() => readdir(join(root, 'usr/lib')))).find((name) => name.startsWith('ld-linux'));
  if (!loader) throw new DriverError('failed', `There is no loader in ${root}`);
  const loaderPath = (await isThere(join(root, 'usr/lib64', loader))) ? join(root, 'usr/lib64', loader) : join(root, 'usr/lib', loader);
  const libraries = (await readdir(join(root, 'usr/lib'))).filter((name) => name.endsWith('-linux-gnu')).map((name) => join(root, 'usr/lib', name));
  for (const name of engineProgramNames) {
    const target = await programIn(root, name);
    // The loader of the host would take the host's older libraries.
    const script = `#!/bin/sh\nexec '${loaderPath}' --argv0 ${name} --library-path '${libraries.join(':')}' '${target}' "$@"\n`;
    await writeFile(join(folder, name), script);
    await chmod(join(folder, name), 0o755);
  }
  // A newer release's ovs-vswitchd is reached by a link of the alternatives, which points out of the root: the wrapper above does not use it.
  await symlink('ovs-vswitchd', join(folder, 'complete'));
}

async function programIn(root: string, name: string): Promise<string> {
  for (const folder of ['usr/lib/openvswitch-switch', 'usr/bin', 'usr/sbin']) {
    const path = join(root, folder, name);
    const link = await readlink(path).catch(() => null); // Not a link, or not there: the next line tells.
    if (link?.startsWith('/')) continue;
    if (link !== null || (await isThere(path))) return path;
  }
  throw new DriverError('failed', `There is no ${name} in ${root}`);
}

// Releases that have Open vSwitch 3.5 and OVN 25.03 or newer.
const newerSuites: Record<string, { suite: string; components: string }> = {
  Debian: { suite: 'trixie', components: 'main' },
  Ubuntu: { suite: 'resolute', components: 'main,universe' },
};

async function newerRelease(): Promise<{ mirror: string; suite: string; components: string }> {
  const targets = await run('apt-get', ['indextargets', '--format', '$(ORIGIN)|$(LABEL)|$(REPO_URI)', 'Created-By: Packages']);
  for (const line of targets.split('\n')) {
    const [origin = '', label = '', uri = ''] = line.split('|');
    const newer = newerSuites[origin];
    // Updates for security have their own archive, which does not hold the whole release.
    if (newer && label === origin && /^https?:/.test(uri)) return { mirror: uri, ...newer };
  }
  throw new DriverError('invalid', "This host's package sources are neither Debian's nor Ubuntu's, and its Open vSwitch is older than 3.5: install Open vSwitch 3.5 and OVN 25.03 or newer");
}

async function candidateVersion(name: string): Promise<string> {
  const policy = await run('apt-cache', ['policy', name]);
  return /Candidate: (?:\d+:)?(\d+\.\d+)/.exec(policy)?.[1] ?? '0';
}

const policyFile = '/usr/sbin/policy-rc.d';
const savedPolicyFile = '/usr/sbin/policy-rc.d.before-intercloud';
const policy = `#!/bin/sh
# While Intercloud installs packages: their daemons are not started, unless systemd runs them already.
[ -d /run/systemd/system ] && systemctl --quiet is-active "$1" 2>/dev/null && exit 0
exit 101
`;

async function noDaemonStarts(): Promise<AsyncDisposable> {
  // A policy of an installation that was killed is ours to remove; what it had set aside is still there.
  const isOurs = (await isThere(policyFile)) && (await readFile(policyFile, 'utf8')) === policy;
  if (!isOurs && (await isThere(policyFile))) await rename(policyFile, savedPolicyFile);
  await writeFile(policyFile, policy);
  await chmod(policyFile, 0o755);
  return {
    async [Symbol.asyncDispose]() {
      if (await isThere(savedPolicyFile)) await rename(savedPolicyFile, policyFile);
      else await rm(policyFile, { force: true });
    },
  };
}

function apt(args: string[], onProgress: Progress, options?: { quiet?: boolean }): Promise<void> {
  // Another apt on the machine, such as unattended upgrades, is waited for.
  return lines('apt-get', ['-o', 'DPkg::Lock::Timeout=600', '-o', 'Acquire::Retries=3', ...args], onProgress, options);
}

/** Runs a program that may take minutes, telling its lines as they come; `quiet` ones only say what went wrong. */
async function lines(program: string, args: string[], onProgress: Progress, { quiet = false }: { quiet?: boolean } = {}): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30 * 60_000,
    env: { ...process.env, LC_ALL: 'C', PATH: searchPath(), DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1' },
  });
  const last: string[] = [];
  const tell = (line: string) => {
    last.push(line);
    if (last.length > 20) last.shift();
    if (!quiet && /^(Get:|Unpacking|Setting up|Err:|E:)/.test(line)) onProgress(line);
  };
  createInterface({ input: child.stdout }).on('line', tell);
  createInterface({ input: child.stderr }).on('line', tell);
  child.on('error', (cause) => reject(new DriverError('unavailable', `${program} is not installed`, { cause })));
  child.on('close', resolve);
  const code = await promise;
  if (code !== 0) throw new DriverError('failed', `${basename(program)} ${args.find((arg) => /^[a-z]/.test(arg)) ?? ''} failed:\n${last.join('\n')}`);
}
