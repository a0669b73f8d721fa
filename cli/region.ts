/** `intercloud region …` and `intercloud join`: further places of a cloud, on this machine and on others. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join as pathOf } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createClient, Refused, type Client } from '../contract/client.ts';
import { compute } from '../contract/compute/service.ts';
import { contracts } from '../contract/contracts.ts';
import { identity } from '../contract/identity/service.ts';
import { federation } from '../contract/intercloud/federation.ts';
import { keysOf, readInvitation, unseal, type Membership } from '../contract/intercloud/federation/invitations.ts';
import { virtualRegion } from '../contract/virtual.ts';
import { volume } from '../contract/volume/service.ts';
import { baseUrl, configOfRegion, layoutOf, readConfig, type CloudConfig, type DriverName, type RegionSettings } from '../supervisor/config.ts';
import { askSupervisor, type Status } from '../supervisor/control.ts';
import { authoritiesOf } from '../supervisor/trust.ts';
import { writeClientFiles } from './client-files.ts';
import { Failure } from './failure.ts';
import { demandOwner, demandShortPath } from './state-folder.ts';
import { table } from './table.ts';
import { settle, start, type UpOptions } from './up.ts';

export type AddOptions = { driver?: DriverName; hosts?: number; port?: number; elsewhere?: boolean; format: string };
export type JoinOptions = Omit<UpOptions, 'region'> & { token: string; url?: string; homeCa?: string };

type Invitation = { region: string; secret: Buffer };
export type Admin = { token: string; base: string; federation: Client<typeof federation> };

const answerWithinMs = 30_000;
const mostPorts = 200;
/** A server that is shut down before it goes has this long. */
const deletionMs = 90_000;

export async function addRegion(stateDir: string, name: string, options: AddOptions): Promise<void> {
  const cloud = await runningCloud(stateDir);
  const admin = await asAdmin(cloud);
  if (options.elsewhere === true) {
    const invited = await invite(admin, name);
    await nameForClients(cloud, admin);
    return sayHowToJoin(cloud, invited, name, options.format);
  }
  const region = await startHere(cloud, admin, await settingsFor(cloud, name, options));
  say(region, options.format);
}

/** A region that this machine keeps, from its invitation to where clients find it. `prepare` writes what only its agent may know. */
export async function startHere(cloud: CloudConfig, admin: Admin, settings: RegionSettings, prepare: (region: CloudConfig) => void = () => undefined): Promise<CloudConfig> {
  const { name } = settings;
  const region = configOfRegion({ ...cloud, regions: [...cloud.regions, settings] }, name);
  demandShortPath(region.stateDir, settings.driver);
  const invitation = invitationIn((await invite(admin, name)).invitation);
  const layout = layoutOf(region.stateDir);
  try {
    await keepMembership(region, invitation, await joinAs(baseUrl(cloud), invitation, { url: baseUrl(region), driver: settings.driver }));
    prepare(region);
    process.stderr.write(`… Starting ${name} at ${baseUrl(region)}\n`);
    await askSupervisor(layoutOf(cloud.stateDir).supervisorSocket, { command: 'add region', region: settings });
  } catch (cause) {
    await admin.federation.regions.delete({ params: { region: name } });
    for (const secret of [layout.homeLink, layout.partnerSecret]) rmSync(secret, { force: true });
    throw new Failure(`${name} did not start: ${cause instanceof Error ? cause.message : String(cause)}`, `It is no region of this cloud; its logs are in ${layout.log}`);
  }
  await nameForClients(cloud, admin);
  return region;
}

export async function listRegions(stateDir: string, format: string): Promise<void> {
  const { federation: home } = await asAdmin(await runningCloud(stateDir));
  const { regions } = (await home.regions.list()).body;
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify(regions, null, 2)}\n`);
    return;
  }
  const rows = regions.map(({ name, first, status, driver, url, seen_at: seen }) => [name, first ? 'home' : status, driver ?? '', url ?? '', first ? '' : (seen ?? 'never')]);
  process.stdout.write(`${table(['Region', 'Status', 'Driver', 'Address', 'Heard of'], rows)}\n`);
}

/** `before`: what is to be done while it still is a region. */
export async function removeRegion(stateDir: string, name: string, before: (cloud: CloudConfig) => Promise<void> = () => Promise.resolve()): Promise<void> {
  const cloud = await runningCloud(stateDir);
  const admin = await asAdmin(cloud);
  const { region } = (await admin.federation.regions.show({ params: { region: name } }).catch(asFailure)).body;
  if (region.first) throw new Failure(`${name} is the cloud's own region`, 'It ends with the cloud: intercloud reset --yes');
  if (region.url !== null && !(await isParted(cloud, name))) await demandEmpty(admin, name, region.url);
  await before(cloud);
  const keptHere = cloud.regions.some((each) => each.name === name);
  await admin.federation.regions.delete({ params: { region: name } }).catch(asFailure);
  await nameForClients(cloud, admin);
  if (keptHere) await askSupervisor(layoutOf(stateDir).supervisorSocket, { command: 'remove region', name });
  process.stdout.write(keptHere || region.url === null ? `${name} is removed.\n` : `${name} is no part of this cloud any more. Delete what it has on its own machine: intercloud reset --yes\n`);
}

/** On another machine than home's: a state folder of its own, whose home is elsewhere. */
export async function join(home: string, options: JoinOptions): Promise<void> {
  const invitation = invitationIn(options.token);
  demandOwner(options.state);
  const url = home.replace(/\/+$/, '');
  const before = readConfig(options.state);
  // It was broken off after home had taken it in: the rest is to start it.
  if (before?.home?.url === url && before.region === invitation.region) {
    if (!(await askSupervisor<Status>(layoutOf(options.state).supervisorSocket, { command: 'status' }))) await start(before, options.format);
    return say(before, options.format);
  }
  if (before) throw new Failure(`There is a cloud in ${options.state} already`, 'Choose another folder with --state');
  if (options.homeCa !== undefined) trust([readFileSync(options.homeCa, 'utf8')]);
  const authority = options.homeCa === undefined ? null : keepHomeAuthority(options.state, options.homeCa);
  const config: CloudConfig = { ...settle({ ...options, region: invitation.region }, undefined), home: { url, authority } };
  // Asked again after it was broken off, home says the same again until it has heard of the region.
  const membership = await joinAs(url, invitation, { url: options.url ?? baseUrl(config), driver: config.driver });
  await keepMembership(config, invitation, membership);
  await start(config, options.format);
  say(config, options.format);
}

export async function runningCloud(stateDir: string): Promise<CloudConfig> {
  const config = readConfig(stateDir);
  const running = config && (await askSupervisor<Status>(layoutOf(stateDir).supervisorSocket, { command: 'status' }));
  if (!config || running?.phase !== 'up') throw new Failure(`The cloud of ${stateDir} is not up`, 'Start it: intercloud up');
  if (config.member) throw new Failure(`${stateDir} holds the host ${config.member.name} of the region ${config.region}`, 'Ask there, where the region is');
  if (config.home) throw new Failure(`${stateDir} holds the region ${config.region} of the cloud at ${config.home.url}`, 'Ask there, where home is');
  trust(authoritiesOf(config));
  return config;
}

/** For this process: the authority of a cloud is in no machine's store. */
export function trust(authorities: readonly string[]): void {
  setDefaultCACertificates([...getCACertificates('default'), ...authorities]);
}

/** A copy: the region starts again also when the file has moved, and the account that serves can read it. */
function keepHomeAuthority(stateDir: string, file: string): string {
  const { tls } = layoutOf(stateDir);
  const kept = pathOf(tls, 'home.pem');
  mkdirSync(tls, { recursive: true, mode: 0o755 });
  writeFileSync(kept, readFileSync(file), { mode: 0o644 });
  return kept;
}

export const limited: typeof fetch = (address, init) => fetch(address, { ...init, signal: AbortSignal.timeout(answerWithinMs) });

export async function asAdmin(cloud: CloudConfig): Promise<Admin> {
  const base = baseUrl(cloud);
  const password = readFileSync(layoutOf(cloud.stateDir).adminPassword, 'utf8').trim();
  const domain = { id: 'default' };
  const reply = await createClient(identity, { base, fetch: limited })
    .tokens.create({ body: { auth: { identity: { methods: ['password'], password: { user: { name: 'admin', domain, password } } }, scope: { project: { name: 'admin', domain } } } } })
    .catch((error: unknown) => {
      if (error instanceof Refused && error.status === 401) throw new Failure('The password of admin is not the one that the cloud began with', `Write the present one into ${layoutOf(cloud.stateDir).adminPassword}`);
      throw error;
    });
  const token = reply.headers.get('x-subject-token') ?? '';
  return { token, base, federation: createClient(federation, { base, token: () => token, fetch: limited }) };
}

/** Clients that read clouds.yaml take only the regions that it names. */
async function nameForClients(cloud: CloudConfig, { federation: home }: Admin): Promise<void> {
  const { regions } = (await home.regions.list()).body;
  writeClientFiles(cloud, regions.length > 1 ? [...regions.map(({ name }) => name), virtualRegion] : []);
}

type Invited = { invitation: string; valid_until: string };

async function invite({ federation: home }: Admin, name: string): Promise<Invited> {
  return (await home.regions.create({ body: { name } }).catch(asFailure)).body;
}

function invitationIn(text: string): Invitation {
  const invitation = readInvitation(text);
  if (!invitation) throw new Failure('This is no token of an invitation', 'Take the whole command that `intercloud region add --elsewhere` printed');
  return invitation;
}

async function joinAs(home: string, { region, secret }: Invitation, { url, driver }: { url: string; driver: string }): Promise<Membership> {
  const { proof, seal } = keysOf(region, secret);
  const { body } = await createClient(federation, { base: home, fetch: limited }).regions.join({ params: { region }, body: { proof, url, driver } }).catch((cause: unknown) => {
    if (cause instanceof Refused) return asFailure(cause);
    throw new Failure(`${home} was not reached: ${reasonOf(cause)}`, 'Is that the address of home, and is its certificate one that this machine knows? Otherwise name the authority with --home-ca');
  });
  return unseal(seal, body.sealed) as Membership;
}

/** Fetch says what it met only as the cause of its failure. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

async function keepMembership(region: CloudConfig, { secret }: Invitation, membership: Membership): Promise<void> {
  const { secrets, homeLink } = layoutOf(region.stateDir);
  mkdirSync(region.stateDir, { recursive: true, mode: 0o755 });
  mkdirSync(secrets, { recursive: true, mode: 0o700 });
  writeFileSync(homeLink, JSON.stringify({ ...membership, secret: secret.toString('base64url') }), { mode: 0o600 });
}

async function settingsFor(cloud: CloudConfig, name: string, { driver = cloud.driver, hosts, port }: AddOptions): Promise<RegionSettings> {
  if (cloud.regions.some((each) => each.name === name)) throw new Failure(`The region ${name} runs here already`, 'See them: intercloud region list');
  if (driver === 'libvirt-ovn' && process.getuid?.() !== 0) throw new Failure('Real machines need root', 'Run it with sudo, or take simulated hosts: --driver simulated');
  return { name, driver, hosts: driver === 'simulated' ? (hosts ?? 3) : 1, port: port ?? (await nextPort(cloud)) };
}

/** The first one above the cloud's that nobody has. */
export async function nextPort(cloud: CloudConfig): Promise<number> {
  const taken = new Set(cloud.regions.map(({ port }) => port));
  for (let port = cloud.port + 1; port < cloud.port + mostPorts; port++) if (!taken.has(port) && (await isFree(cloud.host, port))) return port;
  throw new Failure(`No port from ${cloud.port + 1} on is free`, 'Choose one with --port');
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host, port }, () => probe.close(() => resolve(true)));
  });
}

/** One of a partner's that was emptied and stopped, and not yet removed. */
async function isParted({ stateDir, regions }: CloudConfig, name: string): Promise<boolean> {
  if (regions.find((each) => each.name === name)?.driver !== 'openstack') return false;
  const status = await askSupervisor<Status>(layoutOf(stateDir).supervisorSocket, { command: 'status' });
  return status !== undefined && !status.processes.some((each) => each.name.startsWith(`${name}/`));
}

/** What is in it would be lost, or run on with nobody to ask for it. What is being deleted is waited for. */
async function demandEmpty(admin: Admin, name: string, base: string): Promise<void> {
  const deadline = performance.now() + deletionMs;
  for (;;) {
    const held = await heldIn(admin, name, base);
    if (held.length === 0) return;
    const left = held.filter(({ goes }) => !goes || performance.now() > deadline).map(({ words }) => words);
    if (left.length > 0)
      throw new Failure(`${name} still holds ${left.slice(0, 20).join(', ')}${left.length > 20 ? ` and ${left.length - 20} more` : ''}`, `Delete them first: openstack --os-region-name ${name} server delete …`);
    await pause(500);
  }
}

/** Its servers and volumes, of everybody. `goes`: it was deleted, and is not yet gone. */
async function heldIn({ token }: Admin, name: string, base: string): Promise<{ words: string; goes: boolean }[]> {
  const options = { base, token: () => token, fetch: limited };
  const query = { all_tenants: '1' };
  const found = await Promise.all([createClient(compute, options).servers.detail({ query }), createClient(volume, options).volumes.detail({ query })]).catch((cause: unknown) => {
    throw new Failure(`${name} does not say what it holds: ${cause instanceof Error ? cause.message : String(cause)}`, 'Start it first: what it holds would be lost');
  });
  const [servers, volumes] = [found[0].body.servers, found[1].body.volumes];
  return [
    ...servers.map((server) => ({ words: `server ${server.name} (${server.id})`, goes: server['OS-EXT-STS:task_state'] === 'deleting' })),
    ...volumes.map(({ id, name: own, status }) => ({ words: `volume ${own ?? ''} (${id})`, goes: status === 'deleting' })),
  ];
}

/** In the words of the refusal, without its wrapping. */
export function asFailure(error: unknown): never {
  if (!(error instanceof Refused)) throw error;
  const body = error.body as { title?: string } | undefined;
  throw new Failure(body?.title ?? error.message, error.status === 404 ? 'See which there are: intercloud region list' : 'Mend that and try again');
}

function sayHowToJoin(cloud: CloudConfig, { invitation, valid_until: until }: Invited, name: string, format: string): void {
  const command = `intercloud join ${baseUrl(cloud)} --token ${invitation}`;
  if (format === 'json') process.stdout.write(`${JSON.stringify({ region: name, url: baseUrl(cloud), token: invitation, valid_until: until, command }, null, 2)}\n`);
  else process.stdout.write(`On the machine that is to be ${name}, where it is ${baseUrl(cloud)} that reaches this one:\n  ${command}\nIt works once, until ${until}. Who has it can become ${name}: hand it over as you would a password.\n`);
}

function say(region: CloudConfig, format: string): void {
  const base = baseUrl(region);
  const endpoints = contracts.filter(({ where }) => where === 'region').map(({ type, name, path }) => ({ service: type, name, url: `${base}${path}` }));
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify({ region: region.region, url: base, driver: region.driver, state: region.stateDir, endpoints }, null, 2)}\n`);
    return;
  }
  const addresses = table(['Service', 'Name', 'Address'], endpoints.map(({ service, name, url }) => [service, name, url]));
  process.stdout.write(`The region ${region.region} is up.\n${addresses}\n  openstack --os-region-name ${region.region} server list\n`);
}
