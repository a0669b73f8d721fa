/**
 * `intercloud demo federation`: two own regions and a rented one, four parties between whom money passes, a burst there and
 * back, and every bill computed again. What does not hold ends it with a failure; nothing of it is pretended.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { billing } from '../../contract/intercloud/billing.ts';
import { doStep, type Report } from '../../supervisor/steps.ts';
import { Failure } from '../failure.ts';
import { showStep } from '../progress.ts';
import { table } from '../table.ts';
import { balancesOf, billAll, fromCoins, inCoins, machineSeconds, usageTold, type Balance, type Bill } from './bills.ts';
import { machine, machineThere, makeFlavor, offerMachine, placedServers, startFleet, whyAt, type Fleet, type Why } from './burst.ts';
import { addRegion, deleteCloud, demandEmpty, examine, holdingsOf, regionsOf, startCloud, type DemoCloud } from './clouds.ts';
import { customerOf } from './customer.ts';
import { faultOf, minutesUntilOneHour, type Fault, type FaultName } from './faults.ts';
import { startLink, type Link } from './link.ts';
import { openAccounts, makeProject, prices, setPolicy, writeBooks, type Parties } from './parties.ts';
import { joinFarRegion, pressQuota, type FarRegion } from './partition.ts';
import { addPartnerRegion, demandNoDifference, letIn, ownersViewOf, type Agreement, type OwnersView } from './partner.ts';
import { signInElsewhere, until, type Session } from './session.ts';
import { agreementFor, compareAll, demandAgreed, sellAtPartner, settleBoth, type Settlement } from './settlement.ts';

export type DemoOptions = {
  keep?: boolean;
  format: string;
  /** Any OpenStack, instead of a second Intercloud. */
  partnerAuthUrl?: string;
  partnerUsername?: string;
  partnerUserDomain: string;
  partnerProject?: string;
  partnerPasswordFile?: string;
  partnerRegion?: string;
  /** What goes wrong, on purpose. */
  fault?: FaultName;
  seed: number;
};

type Told = {
  client: string;
  why: Why;
  obstacle: string;
  machines: { placed: number; atPartner: number };
  metered: { here: number; there: number | null };
  bills: Bill[];
  settlement: Settlement;
  balances: Balance[];
  checks: Record<string, number>;
};

const [first, second, rented] = ['east', 'west', 'rented'] as const;
/** Two machines fit into the budget of an hour, and no third. */
const burstMachines = 2;
const ownMachines = 8;
const batch = ['batch-1', 'batch-2'];
const contracted: Agreement['capacity'] = { vcpus: 256, memoryGib: 64, diskGib: 1_000 };

export async function demoFederation({ keep = false, format, fault: name, seed, ...options }: DemoOptions): Promise<void> {
  const elsewhere = agreementIn(options);
  if (elsewhere && name !== undefined) throw new Failure('Things go wrong on purpose between two Interclouds only', 'Leave out --fault, or the --partner-… options');
  if (keep && name !== undefined) throw new Failure('What lies between the two clouds ends with the demonstration', 'Leave out --fault, or --keep');
  const fault = name === undefined ? undefined : faultOf(name, seed);
  const begun = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'ic-demo-'));
  // As root, the API has an account of its own, which must be able to enter.
  chmodSync(folder, 0o755);
  const steps: { title: string; ms: number; detail?: string }[] = [];
  const show = showStep(format === 'json' || !process.stderr.isTTY ? 'plain' : 'terminal', process.stderr);
  const report: Report = (each) => {
    show(each);
    if (each.kind === 'step' && each.state === 'done') steps.push({ title: each.title, ms: each.ms, ...(each.detail === undefined ? {} : { detail: each.detail }) });
  };
  const clouds: DemoCloud[] = [];
  const links: Link[] = [];
  try {
    const told = await play({ folder, clouds, links, report, elsewhere, fault });
    const seconds = Math.round((performance.now() - begun) / 100) / 10;
    if (format === 'json') process.stdout.write(`${JSON.stringify({ seconds, steps, ...told, state: keep ? folder : null }, (_, value: unknown) => (typeof value === 'bigint' ? fromCoins(value) : value), 2)}\n`);
    else process.stdout.write(`${asText(told)}\nAll of it took ${seconds} s.\n`);
  } finally {
    if (keep) process.stderr.write(`Kept in ${folder}: intercloud status --state ${join(folder, 'ours')}\n`);
    else {
      for (const cloud of clouds.toReversed()) await deleteCloud(folder, cloud);
      for (const link of links) await link.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** Undefined: the partner is a second Intercloud. */
function agreementIn({ partnerAuthUrl: authUrl, partnerUsername: username, partnerUserDomain: userDomain, partnerProject: project, partnerPasswordFile: passwordFile, partnerRegion }: Omit<DemoOptions, 'keep' | 'format' | 'fault' | 'seed'>): (Agreement & { project: string }) | undefined {
  if (authUrl === undefined) return undefined;
  if (username === undefined || project === undefined || passwordFile === undefined) throw new Failure('Of the partner’s cloud more must be known', 'Give --partner-username, --partner-project and --partner-password-file too: an administrator there, who sees what is left');
  return { authUrl, username, userDomain, project, password: readFileSync(passwordFile, 'utf8').trim(), capacity: contracted, ...(partnerRegion === undefined ? {} : { partnerRegion }) };
}

type Stage = { folder: string; clouds: DemoCloud[]; links: Link[]; fault: Fault | undefined; report: Report; elsewhere: (Agreement & { project: string }) | undefined };

async function play({ folder, clouds, links, fault, report, elsewhere }: Stage): Promise<Told> {
  const started = async (name: string, region: string, options?: { clockAheadSeconds: number }) => {
    const cloud = await startCloud(folder, name, region, options);
    clouds.push(cloud);
    return cloud;
  };
  const apart = fault?.clockAheadSeconds ?? 0;
  const waiting = fault ? minutesUntilOneHour(fault, new Date()) : 0;
  if (waiting > 0) await doStep(report, `Wait ${waiting} minutes, until one hour is that of both clocks`, () => new Promise((resolve) => setTimeout(resolve, waiting * 60_000)));
  const starting = elsewhere ? 'Start the operator’s cloud' : 'Start the operator’s cloud and the partner’s';
  const [ours, theirs] = await doStep(report, starting, () => Promise.all([started('ours', first), elsewhere ? undefined : started('theirs', 'RegionOne', { clockAheadSeconds: apart })]));
  const far = await doStep(report, `Add the region ${second}`, async (): Promise<FarRegion | undefined> => {
    if (fault?.cutOffSeconds === undefined) {
      await addRegion(folder, ours, second);
      return undefined;
    }
    const region = await joinFarRegion(folder, ours, second);
    clouds.push(region);
    links.push(...region.links);
    return region;
  });
  const offer = theirs && (await doStep(report, 'The partner lets the operator in, offers what he needs, and agrees to count on both sides', async () => {
    await offerMachine(theirs.admin);
    return letIn(folder, theirs, { capacity: contracted, clocksApartSeconds: Math.abs(apart) });
  }));
  const accountThere = theirs && offer ? await sellAtPartner(theirs.admin, { domainId: offer.domainId, flavor: machineThere }) : null;
  const link = fault && theirs ? await startLink(theirs.url) : undefined;
  if (link) links.push(link);
  const agreement = elsewhere ?? { ...offer!, ...(link ? { authUrl: `${link.url}/identity` } : {}) };
  await doStep(report, `Add the partner’s cloud as the region ${rented}, and see that it works`, () => addPartnerRegion(folder, ours, rented, agreement));
  const partnersCloud = ownersViewOf(theirs?.admin ?? (await administratorOf(elsewhere!)), theirs);

  const { admin } = ours;
  const parties = await doStep(report, 'Open accounts and write price books', async () => {
    const opened = await openAccounts(admin, rented);
    await writeBooks(opened, { partnerRegion: rented, flavor: machine.flavor });
    return opened;
  });
  const customer = await doStep(report, 'Make the customer’s project, budget and policy', () => prepareCustomer(admin, parties));
  const began = new Date();
  await makeFlavor(admin, (await regionsOf(ours)).values());

  const { told, counted, pressed } = await burst({ ours, customer, report, partnersCloud, ...(fault && link && theirs ? { going: { fault, link, theirs, far } } : {}) });
  await doStep(report, 'Compare what both clouds know of', async () => demandNoDifference(admin, (await regionsOf(ours)).get(rented)!));
  const { projectId } = customer;
  const servers = await placedServers(customer);
  const records = await doStep(report, 'Take all usage home', () => usageTold(admin, { projectId, servers: new Set([...servers, ...pressed]), since: began }));
  const metered = { here: await machineSeconds(admin, { projectId, region: rented, since: began }), there: await partnersCloud.machineSeconds(projectId, began) };
  const bills = await doStep(report, 'Bill every edge, and compute every line again', () => billAll(parties, began));
  const balances = await balancesOf(parties, bills);
  demandCents(parties, bills, balances);
  const settlement = await doStep(report, 'Compare what both clouds have counted, and settle it in the ledgers of both', async () => {
    await partnersCloud.told(projectId, began);
    const agreementId = await agreementFor(admin, rented);
    if (fault && theirs) await fault.after(theirs, (await partnersCloud.placeOf(projectId)) ?? '', began);
    const compared = await compareAll(admin, agreementId, began);
    const there = theirs && accountThere !== null ? { admin: theirs.admin, accountId: accountThere } : null;
    return { ...compared, ...(await settleBoth({ agreementId, since: began, here: { admin, accountId: parties.supplier.accountId }, there })) };
  });
  demandAgreed(settlement, fault?.disputes ?? []);
  // Who lies to others has no sound books himself.
  const checks = await doStep(report, theirs ? 'Ask doctor of both clouds' : 'Ask doctor', async () => {
    const found: Record<string, number> = {};
    const asked = await Promise.all(Object.entries({ ours, ...(far ? { [second]: far } : {}), ...(theirs && fault?.name !== 'lie' ? { theirs } : {}) }).map(async ([name, cloud]) => ({ name, ...(await examine(folder, cloud)) })));
    for (const { name, checks, findings } of asked) {
      if (findings.length > 0) throw new Failure(`doctor found: ${findings.join('; ')}`, 'Look for yourself: run it with --keep');
      found[name] = checks;
    }
    return found;
  });
  return { ...told, machines: { placed: servers.size, atPartner: counted }, metered, bills, settlement, balances, checks: { ...checks, records } };
}

/** Who sees there what is left. */
function administratorOf({ authUrl, username, userDomain, project, partnerRegion, password }: Agreement & { project: string }): Promise<Session> {
  return signInElsewhere(authUrl, partnerRegion, { user: username, domain: userDomain, password, scope: { project: { name: project, domain: { name: userDomain } } } });
}

async function prepareCustomer(admin: Session, { customer }: Parties): Promise<Session> {
  const cores = machine.vcpus * 2 * (ownMachines + burstMachines);
  const session = await makeProject(admin, customer, { limits: { cores, instances: 100, ram: 100 * machine.ram } });
  await customer.manager.client(billing).budgets.create({ body: { name: 'month', project_id: session.projectId, currency: prices.currency, amount: '1000000', stop_loss: true } });
  await setPolicy(admin, session, { regions: [first, second, rented], hourlyAtMost: '100' });
  return session;
}

type Playing = { ours: DemoCloud; customer: Session; report: Report; partnersCloud: OwnersView; /** What goes wrong meanwhile. */ going?: { fault: Fault; link: Link; theirs: DemoCloud; far: FarRegion | undefined } };

async function burst({ ours, customer, report, partnersCloud, going }: Playing): Promise<{ told: Pick<Told, 'client' | 'why' | 'obstacle'>; counted: number; /** Servers that there were beside those of the fleet and the batch. */ pressed: string[] }> {
  const hands = customerOf(customer);
  const { network, image } = await doStep(report, `The customer makes a network: ${hands.client}`, async () => ({ network: await hands.makeNetwork('lan'), image: await hands.imageNamed('cirros') }));
  await doStep(report, `The customer boots ${batch.join(' and ')}`, () => Promise.all(batch.map((name) => hands.boot(name, { flavor: machine.flavor, image, network }))));
  const hourly = (Number(prices.burst) * (1 + Number(prices.partnerMargin) / 100) * (1 + Number(prices.resellerMargin) / 100) * burstMachines).toFixed(2);
  const pressed = going?.far
    ? await doStep(report, `What goes wrong: ${going.fault.title}`, () => pressQuota({ home: ours, far: going.far!, customer, has: batch.length, left: 2, seconds: going.fault.cutOffSeconds ?? 0 }))
    : [];
  going?.fault.before(going.link);
  const fleet = await doStep(report, 'A fleet of eight fills what is left, and two of it go to the partner', async () => {
    const made = await startFleet(customer, { name: 'web', size: ownMachines, image, network, hourlyAtMost: hourly });
    await made.settled({ own: ownMachines - batch.length, partner: burstMachines });
    return made;
  });
  if (going && !going.far) {
    const { fault, ...between } = going;
    const base = (await regionsOf(ours)).get(rented)!;
    await doStep(report, `What goes wrong: ${fault.title}`, () => fault.during({ ...between, partnersCloud, fleet, own: ownMachines - batch.length, partner: burstMachines, admin: ours.admin, base }));
  }
  const why = await whyAt(customer, rented);
  const counted = (await partnersCloud.machines()).length;
  if (counted !== burstMachines) throw new Error(`The partner’s own administrator sees ${counted} machines, and not ${burstMachines}`);
  const seen = await hands.servers();
  if (seen.filter(({ zone }) => zone === rented).length !== burstMachines || seen.length !== ownMachines + burstMachines) throw new Error(`The customer sees ${JSON.stringify(seen)}`);

  const obstacle = await doStep(report, 'One more would be beyond the budget, and is not made', async () => {
    await fleet.resize(ownMachines + 1);
    const said = await refusalOf(fleet);
    await fleet.resize(ownMachines);
    return said;
  });
  await doStep(report, 'Load falls: the batch ends, and the two come home', async () => {
    await hands.deleteServers(batch);
    await fleet.settled({ own: ownMachines, partner: 0 });
    await until('the partner’s cloud to be empty of machines', async () => ((await partnersCloud.machines()).length === 0 ? true : undefined));
  });
  await doStep(report, 'The customer deletes everything, and nothing is left in either cloud', async () => {
    await fleet.delete();
    await hands.deleteNetwork('lan');
    for (const [name, base] of await regionsOf(ours)) await demandEmpty(name, () => holdingsOf(ours.admin, base));
    await partnersCloud.demandEmpty();
  });
  return { told: { client: hands.client, why, obstacle }, counted, pressed };
}

function refusalOf(fleet: Fleet): Promise<string> {
  return until('the fleet to say that its budget is spent', async () => {
    const { obstacle, partner } = await fleet.state();
    if (partner > burstMachines) throw new Error(`${partner} machines are at the partner, beyond the budget`);
    return obstacle?.includes('budget') === true ? obstacle : undefined;
  });
}

/** To the last coin: each bill adds up and is the same when it is computed again, what one gets another has paid, and nothing is left open. */
function demandCents({ operator, supplier, partner, reseller, customer }: Parties, bills: readonly Bill[], balances: readonly Balance[]): void {
  for (const each of bills) {
    const what = `The invoice ${each.number} of ${each.seller} to ${each.buyer}`;
    if (!each.identical) throw new Error(`${what} is another one when it is computed again`);
    if (!each.addsUp) throw new Error(`The lines of ${what} do not add up to it`);
    if (!each.bookKnown) throw new Error(`${what} is by a book that its payer does not know`);
    if (inCoins(each.total) <= 0n) throw new Error(`${what} is of nothing`);
  }
  const of = (name: string) => balances.find((each) => each.name === name)!;
  const chain = [customer, reseller, partner, operator].map(({ name }) => of(name));
  for (const [index, payer] of chain.slice(0, -1).entries()) if (payer.paid !== chain[index + 1]!.got) throw new Error(`${payer.name} has paid ${fromCoins(payer.paid)}, and ${chain[index + 1]!.name} has got ${fromCoins(chain[index + 1]!.got)}`);
  if (of(operator.name).paid !== of(supplier.name).got) throw new Error(`What the operator has paid is not what ${supplier.name} has got`);
  const sum = balances.reduce((total, { left }) => total + left, 0n);
  if (sum !== 0n) throw new Error(`What all have left adds up to ${fromCoins(sum)}, and not to nothing`);
  if (balances.some(({ open }) => open !== 0n)) throw new Error('Something is still to be paid');
}

function asText({ client, why, obstacle, machines, metered, bills, settlement, balances, checks }: Told): string {
  const { here, there } = metered;
  return [
    '',
    `The customer’s client: ${client}. ${machines.placed} machines were made, ${machines.atPartner} of them at the partner’s at a time.`,
    `Why ${why.region}, at ${why.hourly} ${why.currency} an hour:`,
    ...why.rejected.map((each) => `  ${each}`),
    `Why no third there: ${obstacle}`,
    `Machine seconds at the partner: ${here.toFixed(1)} by the operator’s meter, ${there === null ? 'its own meter is not asked' : `${there.toFixed(1)} by the partner’s own`}.`,
    '',
    table(['Invoice', 'From', 'To', 'Lines', 'Records', 'Total', 'Computed again'], bills.map((each) => [each.number, each.seller, each.buyer, String(each.lines), String(each.records), `${each.total} ${each.currency}`, each.identical ? 'the same' : 'another'])),
    '',
    `Counted on both sides and compared: ${settlement.hours} ${settlement.hours === 1 ? 'hour' : 'hours'}, ${settlement.disputes.length} disputes.`,
    ...settlement.disputes.map(({ kind, message, own_events: own, peer_events: peer }) => `  ${kind}: ${message} (events here: ${own.join(', ') || 'none'}; there: ${peer.join(', ') || 'none'})`),
    table(
      ['Settled', 'Agreed', 'Invoiced before', 'Booked now'],
      [['by the operator', settlement.here], ...(settlement.theirs ? [['by the partner', settlement.theirs] as const] : [])].map(([who, each]) => [who as string, (each as Settlement['here']).agreed, (each as Settlement['here']).invoiced, (each as Settlement['here']).booked]),
    ),
    '',
    table(
      ['Ledger', 'Has got', 'Has paid', 'Left', 'Open'],
      [...balances.map(({ name, got, paid, left, open }) => [name, fromCoins(got), fromCoins(paid), fromCoins(left), fromCoins(open)]), ['All', '', '', fromCoins(balances.reduce((sum, { left }) => sum + left, 0n)), '']],
    ),
    '',
    `doctor: nothing found by ${checks['ours']} checks of the operator’s cloud${checks['theirs'] === undefined ? '' : ` and ${checks['theirs']} of the partner’s`}; no machine, volume or network is left in either cloud, and none is known to one of them only.`,
  ].join('\n');
}
