/** `intercloud host …`: other machines as hosts of a region. */
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { hostname } from 'node:os';
import { join as pathOf } from 'node:path';
import { InvalidArgumentError, type Command, type Option } from 'commander';
import { fingerprintOf, joinRegion, readToken, writeToken } from '../agent/joining.ts';
import { createClient, Refused } from '../contract/client.ts';
import { compute } from '../contract/compute/service.ts';
import { region as contract } from '../contract/intercloud/region.ts';
import { freePort } from '../supervisor/free-port.ts';
import { cloudIdOf, externalNetworkOf, layoutOf, readConfig, stateDirOf, writeConfig, type CloudConfig, type GateAddress } from '../supervisor/config.ts';
import { askSupervisor, type Status } from '../supervisor/control.ts';
import { Failure } from './failure.ts';
import { drainHost, planDrain, undrainHost, type Clients, type Stays } from './host-drain.ts';
import { roomOfHosts } from './host-room.ts';
import { runningCloud } from './region.ts';
import { supervisorGone } from './role.ts';
import { signIn, titleOf } from './sign-in.ts';
import { demandOwner, demandShortPath } from './state-folder.ts';
import { table } from './table.ts';
import { start } from './up.ts';

type Given = { state?: string; format: string };
type Around = { stateOf(options: { state?: string }): string; stateOption(): Option; formatOption(): Option };
type TokenOptions = Given & { listen?: string; port?: number };

const defaultPort = 5100;
/** The last one that answers whether a server can move while it runs; the last one that tells what hosts have. */
const [checkedAtOnceVersion, roomVersion] = ['2.33', '2.87'];

/** Adds the commands to the program. */
export function hostCommands(program: Command, { stateOf, stateOption, formatOption }: Around): void {
  const host = program.command('host').description('other machines as hosts of this cloud');
  const command = (usage: string, description: string) => host.command(usage).description(description).addOption(stateOption()).addOption(formatOption());

  command('token <name>', 'invite a machine: print the command by which it joins, once, within an hour')
    .option('--listen <address>', 'the address at which hosts reach this machine, said with the first one (default: 127.0.0.1)')
    .option('--port <port>', `the port for that (default: ${defaultPort})`, port)
    .action((name: string, options: TokenOptions) => inviteHost(stateOf(options), name, options));
  command('list', 'all hosts: what they have, how they are, and which were invited or have joined').action((options: Given) => listHosts(stateOf(options), options.format));
  command('show <name>', 'one of them').action((name: string, options: Given) => showHost(stateOf(options), name, options.format));
  command('renew <name>', 'take back its key, at once, and invite it again: it keeps its servers').action((name: string, options: Given) => renewHost(stateOf(options), name, options.format));
  command('remove <name>', 'part with a host that has no servers').action((name: string, options: Given) => removeHost(stateOf(options), name));
  command('drain <name>', 'give it no new servers, and move those that it has; repeat it to go on')
    .option('--plan', 'only say what would move, and what cannot and why')
    .action((name: string, options: Given & { plan?: true }) => drain(stateOf(options), name, options));
  command('undrain <name>', 'let it take servers again').action((name: string, options: Given) => undrain(stateOf(options), name));
  command('join <url>', 'be a host of the cloud whose gate is at this address, by the token that it gave')
    .requiredOption('--token <token>', 'as `intercloud host token` printed it')
    .action((url: string, options: Given & { token: string }) => joinAsHost(url, options.token, stateDirOf(options.state), options.format));
}

async function inviteHost(stateDir: string, name: string, { format, listen, port: wished }: TokenOptions): Promise<void> {
  const cloud = await runningCloud(stateDir);
  if (cloud.driver === 'openstack') throw new Failure('The hosts of this region are its partner\'s', 'Machines can be hosts of regions of your own');
  if (cloud.driver === 'libvirt-ovn' && !cloud.gate) demandTunnelAddress(listen);
  const gate = await openGate(cloud, { listen, port: wished });
  sayHowToJoin(stateDir, gate, await told(async () => (await hostsOf(stateDir)).create({ body: { name } })), format);
}

/** Real hosts reach each other there too: tunnels go from one machine's address to another's. */
function demandTunnelAddress(listen: string | undefined): void {
  if (listen === undefined || !isIPv4(listen) || /^(0|127)\./.test(listen))
    throw new Failure('Real hosts need one IPv4 address of this machine, for the gate and for the tunnels between guests', 'Say by which one they reach it: intercloud host token <name> --listen <address>');
}

async function renewHost(stateDir: string, name: string, format: string): Promise<void> {
  const { gate } = await runningCloud(stateDir);
  if (!gate) throw new Failure('No host was ever invited here', 'Invite one: intercloud host token <name>');
  const hosts = await hostsOf(stateDir);
  const { id } = await findHost(hosts, name);
  sayHowToJoin(stateDir, gate, await told(() => hosts.renew({ params: { host_id: id } })), format);
}

async function listHosts(stateDir: string, format: string): Promise<void> {
  const { body } = await told(async () => (await hostsOf(stateDir)).list());
  const hosts = await told(async () => roomOfHosts(createClient(compute, { ...(await signIn(stateDir)), version: roomVersion }), body.hosts));
  if (format === 'json') return void process.stdout.write(`${JSON.stringify(hosts, null, 2)}\n`);
  const of = (has: { used: number; total: number } | undefined) => (has ? `${has.used}/${has.total}` : '');
  const rows = hosts.map(({ name, status, health, capacity, seen_at: seen, servers, key_sha256: key }) => [name, status, health, of(capacity?.vcpus), of(capacity?.memory_mib), of(capacity?.disk_gib), String(servers), seen ?? '', key?.slice(0, 16) ?? '']);
  process.stdout.write(`${table(['Host', 'Status', 'Health', 'vCPUs', 'MiB', 'GiB', 'Servers', 'Seen', 'Key (SHA-256)'], rows)}\n`);
}

async function showHost(stateDir: string, name: string, format: string): Promise<void> {
  const host = await findHost(await hostsOf(stateDir), name);
  if (format === 'json') return void process.stdout.write(`${JSON.stringify(host, null, 2)}\n`);
  process.stdout.write(`${table(['Field', 'Value'], Object.entries(host).map(([field, value]) => [field, String(value ?? '')]))}\n`);
}

async function removeHost(stateDir: string, name: string): Promise<void> {
  const hosts = await hostsOf(stateDir);
  const { id } = await findHost(hosts, name);
  await told(() => hosts.delete({ params: { host_id: id } }));
  process.stdout.write(`${name} is no host of this cloud any more. On its own machine: intercloud reset --yes\n`);
}

async function drain(stateDir: string, name: string, { format, plan: isPlan }: Given & { plan?: true }): Promise<void> {
  const clients = await clientsOf(stateDir);
  if (isPlan) {
    const { moves, stays } = await told(() => planDrain(clients, name));
    if (format === 'json') return void process.stdout.write(`${JSON.stringify({ host: name, moves, stays }, null, 2)}\n`);
    return void process.stdout.write(`${table(['Server', 'Name', 'Status', ''], [...moves.map((each) => [each.id, each.name, each.status, 'moves']), ...stays.map(row)])}\n`);
  }
  const { moved, stays } = await told(() => drainHost(clients, name, (line) => void (format === 'json' || process.stdout.write(`${line}\n`))));
  if (format === 'json') process.stdout.write(`${JSON.stringify({ host: name, moved, stays }, null, 2)}\n`);
  if (stays.length > 0) throw new Failure(`${stays.length} ${stays.length === 1 ? 'server stays' : 'servers stay'} on ${name}, which takes no new ones`, `Repeat it when that is mended: intercloud host drain ${name}; or let it take servers again: intercloud host undrain ${name}`);
  if (format !== 'json') process.stdout.write(`${name} is empty and takes no new servers. When its maintenance is over: intercloud host undrain ${name}\n`);
}

const row = ({ id, name, status, why }: Stays) => [id, name, status, `stays: ${why}`];

async function undrain(stateDir: string, name: string): Promise<void> {
  const clients = await clientsOf(stateDir);
  await told(() => undrainHost(clients, name));
  process.stdout.write(`${name} takes servers again\n`);
}

async function clientsOf(stateDir: string): Promise<Clients> {
  const signedIn = await signIn(stateDir);
  return { newest: createClient(compute, { ...signedIn, version: compute.microversions.max }), early: createClient(compute, { ...signedIn, version: checkedAtOnceVersion }) };
}

async function openGate(cloud: CloudConfig, { listen, port: wished }: { listen: string | undefined; port: number | undefined }): Promise<GateAddress> {
  const { gate } = cloud;
  if (gate && ((listen ?? gate.host) !== gate.host || (wished ?? gate.port) !== gate.port)) throw new Failure(`The gate for hosts is at ${gate.host}:${gate.port}, and the hosts that joined look for it there`, 'Leave out --listen and --port');
  const opened = await askSupervisor<GateAddress>(layoutOf(cloud.stateDir).supervisorSocket, { command: 'open gate', gate: { host: listen ?? '127.0.0.1', port: wished ?? defaultPort } });
  if (!opened) throw new Failure(`The cloud of ${cloud.stateDir} is not up`, 'Start it: intercloud up');
  return opened;
}

async function hostsOf(stateDir: string) {
  return createClient(contract, await signIn(stateDir)).hosts;
}

async function findHost(hosts: Awaited<ReturnType<typeof hostsOf>>, name: string) {
  const { body } = await told(() => hosts.list());
  const found = body.hosts.find((each) => each.name === name) ?? body.hosts.find(({ id }) => id === name);
  if (!found) throw new Failure(`There is no host ${name} that was invited or has joined`, 'See which there are: intercloud host list');
  return found;
}

type Invited = { body: { host: { id: string; name: string }; secret: string; valid_until: string } };

function sayHowToJoin(stateDir: string, { host, port: number }: GateAddress, { body }: Invited, format: string): void {
  const authority = fingerprintOf(readFileSync(layoutOf(stateDir).hostAuthority, 'utf8'));
  const token = writeToken({ hostId: body.host.id, secret: body.secret, authority });
  const everywhere = host === '0.0.0.0' || host === '::';
  const url = `https://${everywhere ? hostname() : host.includes(':') ? `[${host}]` : host}:${number}`;
  const line = `intercloud host join ${url} --token ${token}`;
  if (format === 'json') process.stdout.write(`${JSON.stringify({ host: body.host.name, id: body.host.id, url, token, valid_until: body.valid_until, command: line }, null, 2)}\n`);
  else process.stdout.write(`On the machine that is to be ${body.host.name}, where it is ${url} that reaches this one:\n  ${line}\nIt works once, until ${body.valid_until}. Who has it can become ${body.host.name}: hand it over as you would a password.\n`);
}

async function joinAsHost(url: string, text: string, stateDir: string, format: string): Promise<void> {
  const token = readToken(text);
  if (!token) throw new Failure('This is no token for a host', 'Take the whole command that `intercloud host token` printed');
  const gate = gateIn(url);
  demandOwner(stateDir);
  demandShortPath(stateDir, 'simulated');
  const before = readConfig(stateDir);
  if (before && before.member?.hostId !== token.hostId) throw new Failure(`There is ${before.member ? `the host ${before.member.name}` : 'a cloud'} in ${stateDir} already`, 'Choose another folder with --state');
  const layout = layoutOf(stateDir);
  const pending = pathOf(layout.secrets, 'host.key');
  const answer = await joinRegion({ gate, token, key: ensureKey(stateDir, pending) }).catch((cause: unknown) => {
    throw new Failure(cause instanceof Error ? cause.message : String(cause), 'Is that the address of the gate, and the token not older than an hour? Have another one made there: intercloud host token, or renew');
  });
  if (answer.driver !== 'simulated' && answer.driver !== 'libvirt-ovn') throw new Failure(`Machines cannot join a region with ${answer.driver} hosts`, 'Nothing was started here');
  const { driver } = answer;
  if (driver === 'libvirt-ovn') demandRealHost(stateDir, answer.address);
  const tunnels = driver === 'libvirt-ovn' ? { tunnels: { address: answer.address, southboundPort: before?.member?.tunnels?.southboundPort ?? (await freePort()) } } : {};
  writeFileSync(layout.hostIdentity, JSON.stringify(answer.identity), { mode: 0o600 });
  const config = settled(stateDir, driver, { hostId: token.hostId, name: answer.name, region: answer.region, gate, ...tunnels });
  writeConfig(config);
  rmSync(pending);
  // One that joined before and has another key now goes on with that.
  if (await askSupervisor(layout.supervisorSocket, { command: 'down' })) await supervisorGone(stateDir);
  await start(config, format);
  if (format === 'json') process.stdout.write(`${JSON.stringify({ host: answer.name, id: token.hostId, region: answer.region, state: stateDir }, null, 2)}\n`);
  else process.stdout.write(`This machine is ${answer.name}, a host of ${answer.region}. There: intercloud host show ${answer.name}\n`);
}

/** Kept until the answer is here: asked again with the same key, the gate answers again. */
function ensureKey(stateDir: string, path: string): string {
  if (!existsSync(path)) {
    mkdirSync(stateDir, { recursive: true, mode: 0o755 });
    mkdirSync(layoutOf(stateDir).secrets, { recursive: true, mode: 0o700 });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  }
  return readFileSync(path, 'utf8');
}

/** The token is not lost: the same folder, with its key, is answered again. */
function demandRealHost(stateDir: string, address: string): void {
  if (process.getuid?.() !== 0) throw new Failure('Real machines need root: libvirt, Open vSwitch and taps cannot be had without', `Repeat it with sudo and --state ${stateDir}`);
  demandShortPath(stateDir, 'libvirt-ovn');
  if (!isIPv4(address) || address.startsWith('127.')) throw new Failure(`The gate was reached from ${address}, and tunnels to other hosts need an IPv4 address that they reach`, 'Join by the address that the gate has in the network of the hosts');
}

function settled(stateDir: string, driver: CloudConfig['driver'], member: NonNullable<CloudConfig['member']>): CloudConfig {
  const cloudId = cloudIdOf(stateDir);
  const { region } = member;
  return { cloudId, stateDir, driver, hosts: 1, host: '127.0.0.1', port: 0, region, database: 'embedded', tls: null, account: null, externalNetwork: externalNetworkOf(cloudId), regions: [], home: null, member };
}

function gateIn(url: string): GateAddress {
  const { protocol, hostname: host, port: number } = URL.parse(url) ?? { protocol: '', hostname: '', port: '' };
  if (protocol !== 'https:' || host === '') throw new Failure(`${url} is no address of a gate`, 'Write it as `intercloud host token` printed it: https://<machine>:<port>');
  return { host: host.replace(/^\[|\]$/g, ''), port: number === '' ? 443 : Number(number) };
}

/** A host has no API and no accounts of its own. */
export function demandCloud(stateDir: string): string {
  const member = readConfig(stateDir)?.member;
  if (member) throw new Failure(`${stateDir} holds the host ${member.name} of the region ${member.region}`, 'Ask there, where the region is');
  return stateDir;
}

/** `up` in the folder of a host that joined: it is as it was. */
export async function hostAgain(config: CloudConfig, running: Status | undefined, format: string): Promise<void> {
  if (!running) await start(config, format);
  process.stdout.write(`The host ${config.member?.name} of the region ${config.region} ${running ? `is ${running.phase} already` : 'is up'}\n`);
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refused) throw new Failure(titleOf(error), 'See which hosts there are: intercloud host list');
    throw error;
  }
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) throw new InvalidArgumentError('a whole number from 1 to 65535 is needed.');
  return value;
}
