/** `intercloud partner …`: clouds of others as regions of ours, and what they were seen to do. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Command, InvalidArgumentError, type Option } from 'commander';
import { createClient, Refused } from '../contract/client.ts';
import { admission } from '../contract/intercloud/admission.ts';
import { billing } from '../contract/intercloud/billing.ts';
import { broker } from '../contract/intercloud/broker.ts';
import { layoutOf, type CloudConfig, type PartnerSettings } from '../supervisor/config.ts';
import { askSupervisor } from '../supervisor/control.ts';
import { keepTrusted } from '../supervisor/trust.ts';
import { Failure } from './failure.ts';
import { admitPartner, type AdmitOptions } from './partner-admitting.ts';
import { agreeWith, type Offer } from './partner-access.ts';
import { askNoMore, countedWith, counting, countOnBothSides } from './partner-counting.ts';
import { asAdmin, asFailure, limited, nextPort, removeRegion, runningCloud, startHere, trust, type Admin } from './region.ts';
import { table } from './table.ts';

type Options = { state?: string; format: string };
type AddOptions = Options & Omit<Offer, 'password'> & { passwordFile: string; ca?: string; vcpus: number; memoryGib: number; diskGib: number; label: Record<string, string>; account?: string; port?: number };
type Shared = { stateOf: (options: { state?: string }) => string; stateOption: () => Option; formatOption: () => Option };

const triedWithinMs = 150_000;
const askEveryMs = 1_000;

export function partnerCommands(program: Command, { stateOf, stateOption, formatOption }: Shared): void {
  const partner = program.command('partner').description('the clouds of others that are regions of this one');
  partner
    .command('add <name>')
    .description("make a partner's OpenStack a region, and see what it does")
    .addOption(stateOption())
    .requiredOption('--auth-url <url>', "the partner's Keystone")
    .requiredOption('--username <name>', 'who we are there: somebody who may make projects')
    .requiredOption('--password-file <file>', 'the file that holds the password')
    .option('--user-domain <name>', 'the domain of that user there', 'Default')
    .option('--project <name>', 'the project there in which the user may make projects; without it, the domain itself')
    .option('--project-domain <name>', "the project's domain, in which ours are made (default: the user's)")
    .option('--partner-region <name>', 'the region of their catalog, when they have several')
    .option('--role <name>', 'what we are in the projects that we make there (default: admin, or manager where we are no admin)')
    .option('--external-network <id or CIDR>', 'their network to the outside, by its id or the addresses of its subnet')
    .requiredOption('--vcpus <number>', 'how much of it is ours', positive)
    .requiredOption('--memory-gib <number>', 'how much of it is ours', positive)
    .requiredOption('--disk-gib <number>', 'how much of it is ours', positive)
    .option('--label <key=value>', 'what policies may ask of it; several times', label, {})
    .option('--ca <file>', 'the authority of their certificates (PEM), when no machine knows it')
    .option('--account <name>', 'the account of the supplier whom it is paid to (default: the name of the region)')
    .option('--port <port>', 'where the services of the region answer (default: the next that is free)', positive)
    .addOption(formatOption())
    .action((name: string, options: AddOptions) => addPartner(stateOf(options), name, options));
  partner
    .command('admit <name>')
    .description('let the cloud of somebody else use this one: a domain, a user, and an agreement to count on both sides')
    .addOption(stateOption())
    .option('--password-file <file>', 'where the password is written that they get in with')
    .option('--tolerance <seconds>', "by how much the two clouds' moments of a change may differ", positive, 660)
    .option('--late-hours <hours>', 'how long after an hour it may still be stated', positive, 48)
    .addOption(formatOption())
    .action((name: string, options: Options & AdmitOptions) => admitPartner(stateOf(options), name, options));
  partner
    .command('list')
    .description('which partners there are, and whether they do what they should')
    .addOption(stateOption())
    .addOption(formatOption())
    .action((options: Options) => listPartners(stateOf(options), options.format));
  partner
    .command('show <name>')
    .description('what a partner was seen to do, and what only one of the two clouds knows of')
    .addOption(stateOption())
    .addOption(formatOption())
    .action((name: string, options: Options) => showPartner(stateOf(options), name, options.format));
  partner
    .command('remove <name>')
    .description('part with a partner that holds no servers and volumes of ours, and take back networks and images; its account and its bills stay')
    .option('--leave', 'leave there what is ours: for a partner that answers no more')
    .addOption(stateOption())
    .action((name: string, options: { state?: string; leave?: boolean }) => removePartner(stateOf(options), name, options));
}

export async function addPartner(stateDir: string, name: string, options: AddOptions): Promise<void> {
  const cloud = await runningCloud(stateDir);
  if (cloud.regions.some((each) => each.name === name)) throw new Failure(`The region ${name} runs here already`, 'See them: intercloud region list');
  const password = readFileSync(options.passwordFile, 'utf8').trim();
  if (options.ca !== undefined) trust([readFileSync(options.ca, 'utf8')]);
  const capacity = { vcpus: options.vcpus, memoryMiB: options.memoryGib * 1024, diskGiB: options.diskGib };
  const settings: PartnerSettings = { ...(await agreeWith({ ...options, password })), capacity };
  const admin = await asAdmin(cloud);
  const accountId = await supplierFor(admin, options.account ?? name, name);
  await startHere(cloud, admin, { name, driver: 'openstack', hosts: 1, port: options.port ?? (await nextPort(cloud)), partner: settings }, (region) => {
    const { secrets, partnerSecret } = layoutOf(region.stateDir);
    mkdirSync(secrets, { recursive: true, mode: 0o700 });
    // The supervisor hands it to the region's agent, and to nobody else.
    writeFileSync(partnerSecret, `${password}\n`, { mode: 0o600 });
    if (options.ca !== undefined) keepTrusted(stateDir, name, readFileSync(options.ca, 'utf8'));
  });
  await countOnBothSides(admin, { ...options, password }, { name, peer: options.account ?? name, settings });
  await clientsOf(admin).broker.labels.replace({ params: { region: name }, body: { labels: options.label } }).catch(asFailure);
  process.stderr.write(`… Trying what ${name} does\n`);
  await tried(admin, name);
  if (options.format === 'table') process.stdout.write(`${name} is a region of this cloud, and is paid for to the account ${accountId}.\n`);
  await showPartner(stateDir, name, options.format);
}

export async function listPartners(stateDir: string, format: string): Promise<void> {
  const cloud = await runningCloud(stateDir);
  const admin = await asAdmin(cloud);
  const partners = [];
  for (const { name } of (await admin.federation.regions.list()).body.regions.filter(({ driver }) => driver === 'openstack')) partners.push(await describe(cloud, admin, name));
  if (format === 'json') return print(partners);
  const rows = partners.map(({ name, address, account, profile, differences }) => {
    const states = profile?.document.capabilities ?? [];
    const quarantined = states.filter(({ state }) => state === 'quarantined').map((each) => each.name);
    return [name, address ?? '', account?.name ?? '', profile === null ? 'not tried yet' : quarantined.length === 0 ? 'all proved' : `quarantined: ${quarantined.join(', ')}`, figure(differences)];
  });
  process.stdout.write(`${table(['Partner', 'Address', 'Account', 'Capabilities', 'Differences'], rows)}\n`);
}

export async function showPartner(stateDir: string, name: string, format: string): Promise<void> {
  const cloud = await runningCloud(stateDir);
  const admin = await asAdmin(cloud);
  const { region } = (await admin.federation.regions.show({ params: { region: name } }).catch(asFailure)).body;
  if (region.driver !== 'openstack') throw new Failure(`${name} is a region of our own`, 'See the partners: intercloud partner list');
  const partner = await describe(cloud, admin, name);
  if (format === 'json') return print(partner);
  const { capacity } = partner;
  const facts = [
    ['Address', partner.address ?? 'kept on another machine'],
    ['Account', partner.account ? `${partner.account.name} (${partner.account.id})` : 'nobody is paid for it'],
    ['Contracted', capacity ? `${capacity.vcpus} vCPUs, ${capacity.memoryMiB / 1024} GiB of memory, ${capacity.diskGiB} GiB of disk` : 'kept on another machine'],
    ['Labels', Object.entries(partner.labels).map(([key, value]) => `${key}=${value}`).join(', ')],
    ['Profile', partner.profile ? `signed by ${partner.profile.key} until ${partner.profile.expiresAt}` : 'not tried yet'],
    ['Differences', figure(partner.differences)],
    ['Counted', counting(partner.counted)],
  ];
  process.stdout.write(`${table(['', name], facts)}\n`);
  const capabilities = (partner.profile?.document.capabilities ?? []).map(({ name: own, state, since, milliseconds, detail }) => [own, state, since, milliseconds === null ? '' : `${milliseconds} ms`, detail ?? '']);
  process.stdout.write(`${table(['Capability', 'State', 'Since', 'Took', 'Why'], capabilities)}\n`);
  const { there = [], here = [] } = partner.differences ?? {};
  const differing = [...there.map(({ kind, remote_id: id, project_id: project, says }) => ['there', kind, id, `in the place of ${project}${says === null ? '' : `, says to be ${says}`}`]), ...here.map(({ kind, id }) => ['here', kind, id, ''])];
  if (differing.length > 0) process.stdout.write(`${table(['Only', 'Kind', 'Id', 'What it says'], differing)}\n`);
}

async function removePartner(stateDir: string, name: string, { leave = false }: { leave?: boolean }): Promise<void> {
  const admin = await asAdmin(await runningCloud(stateDir));
  const { region } = (await admin.federation.regions.show({ params: { region: name } }).catch(asFailure)).body;
  if (region.driver !== 'openstack') throw new Failure(`${name} is a region of our own`, 'Remove it: intercloud region remove');
  const { profiles } = clientsOf(admin).admission;
  await untilUntried(() => profiles.suspend({ params: { region: name } }));
  try {
    await removeRegion(stateDir, name, async (cloud) => {
      if (leave || !cloud.regions.some((each) => each.name === name)) return;
      process.stderr.write(`… Taking back what is ours there\n`);
      await askSupervisor(layoutOf(stateDir).supervisorSocket, { command: 'part from', name }).catch((cause: unknown) => {
        throw new Failure(cause instanceof Error ? cause.message : String(cause), `Mend that and try again. From one that answers no more: intercloud partner remove ${name} --leave`);
      });
    });
    await askNoMore(admin, name);
  } catch (error) {
    await profiles.probe({ params: { region: name } });
    throw error;
  }
}

async function describe(cloud: CloudConfig, admin: Admin, name: string) {
  const clients = clientsOf(admin);
  const partner = cloud.regions.find((each) => each.name === name)?.partner;
  const [shown, labels, accounts] = [await profileOf(admin, name), (await clients.broker.labels.list()).body.labels, (await clients.billing.accounts.list()).body.accounts];
  const account = accounts.find(({ regions }) => regions.includes(name));
  return {
    name,
    address: partner?.authUrl ?? null,
    partner_region: partner?.region ?? null,
    account: account ? { id: account.id, name: account.name } : null,
    capacity: partner?.capacity ?? null,
    labels: labels.find(({ region }) => region === name)?.labels ?? {},
    profile: shown?.profile ?? null,
    differences: shown?.differences ?? null,
    counted: await countedWith(admin, name),
  };
}

type Shown = Awaited<ReturnType<ReturnType<typeof clientsOf>['admission']['profiles']['show']>>['body'];

function clientsOf({ base, token }: Admin) {
  const options = { base, token: () => token, fetch: limited };
  return { admission: createClient(admission, options), billing: createClient(billing, options), broker: createClient(broker, options) };
}

/** Undefined until it was tried. */
async function profileOf(admin: Admin, region: string): Promise<Shown | undefined> {
  try {
    return (await clientsOf(admin).admission.profiles.show({ params: { region } })).body;
  } catch (error) {
    if (error instanceof Refused && (error.status === 404 || error.status === 409)) return undefined;
    throw error;
  }
}

/** The first time it may have been tried before its processes were there. */
async function tried(admin: Admin, region: string): Promise<void> {
  const patience = AbortSignal.timeout(triedWithinMs);
  for (;;) {
    const states = (await profileOf(admin, region))?.profile.document.capabilities ?? [];
    if (states.length > 0 && states.every(({ state }) => state === 'proved')) return;
    if (patience.aborted) return void process.stderr.write(`${region} was not seen to do all of it within ${triedWithinMs / 1000} s, and gets no machine that needs the rest. It is tried for ever: intercloud partner show ${region}\n`);
    await pause(askEveryMs);
  }
}

/** What is made there to try it goes before the partner does. */
async function untilUntried(suspend: () => Promise<unknown>): Promise<void> {
  const patience = AbortSignal.timeout(triedWithinMs);
  for (;;) {
    try {
      return void (await suspend());
    } catch (error) {
      // Nothing was ever made there.
      if (error instanceof Refused && error.status === 404) return;
      if (!(error instanceof Refused) || error.status !== 409 || patience.aborted) asFailure(error);
      await pause(askEveryMs);
    }
  }
}

/** The one that already supplies this region, or a new one. */
async function supplierFor(admin: Admin, name: string, region: string): Promise<string> {
  const { accounts } = clientsOf(admin).billing;
  const known = (await accounts.list()).body.accounts.find(({ kind, regions }) => kind === 'supplier' && regions.includes(region));
  return known?.id ?? (await accounts.create({ body: { name, kind: 'supplier', regions: [region] } }).catch(asFailure)).body.id;
}

function figure(differences: Shown['differences'] | null): string {
  return differences === null ? 'not compared yet' : `${differences.there.length} only there, ${differences.here.length} only here (${differences.checked_at})`;
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number from 1 is needed.');
  return value;
}

function label(text: string, before: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('key=value is needed.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
