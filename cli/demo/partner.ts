/** The partner's cloud as a region of the operator's: what was agreed with its owner, and how the operator's cloud is told. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identity } from '../../contract/identity/service.ts';
import { region } from '../../contract/intercloud/region.ts';
import { machineSeconds, usageTold } from './bills.ts';
import { demand, demandEmpty, holdingsOf, type DemoCloud } from './clouds.ts';
import { until, type Session } from './session.ts';
import { freePort } from '../../supervisor/free-port.ts';

/** How the operator gets in at the partner's, and how much of it is his. */
export type Agreement = { authUrl: string; username: string; userDomain: string; project?: string; partnerRegion?: string; password: string; capacity: { vcpus: number; memoryGib: number; diskGib: number } };

/** The owner of the other cloud lets the operator in, by the command that owners have. Each change may be counted by so much apart as the clocks are. */
export async function letIn(folder: string, { stateDir }: DemoCloud, { capacity, clocksApartSeconds }: { capacity: Agreement['capacity']; clocksApartSeconds: number }): Promise<Agreement & { domainId: string }> {
  const offer = JSON.parse(await demand(folder, stateDir, ['partner', 'admit', 'rented', '--tolerance', String(20 + clocksApartSeconds), '-f', 'json'])) as { auth_url: string; username: string; user_domain: string; partner_region: string; domain_id: string; password: string };
  return { authUrl: offer.auth_url, username: offer.username, userDomain: offer.user_domain, partnerRegion: offer.partner_region, password: offer.password, domainId: offer.domain_id, capacity };
}

/** A region of ours at the partner's. Resolves when all that a machine needs was seen to work there. */
export async function addPartnerRegion(folder: string, { stateDir }: DemoCloud, name: string, { authUrl, username, userDomain, project, partnerRegion, password, capacity }: Agreement): Promise<void> {
  const passwordFile = join(folder, `${name}.password`);
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  const { vcpus, memoryGib, diskGib } = capacity;
  const whose = ['--auth-url', authUrl, '--username', username, '--user-domain', userDomain, '--password-file', passwordFile, ...(project === undefined ? [] : ['--project', project]), ...(partnerRegion === undefined ? [] : ['--partner-region', partnerRegion])];
  const much = ['--vcpus', String(vcpus), '--memory-gib', String(memoryGib), '--disk-gib', String(diskGib)];
  const out = await demand(folder, stateDir, ['partner', 'add', name, ...whose, ...much, '--label', 'residency=eu', '--port', String(await freePort()), '-f', 'json']);
  const { profile } = JSON.parse(out) as { profile: { document: { capabilities: { name: string; state: string; detail: string | null }[] } } | null };
  const failing = (profile?.document.capabilities ?? []).filter(({ state }) => state !== 'proved');
  if (profile === null || failing.length > 0) throw new Error(`${name} does not do what it should: ${failing.map((each) => `${each.name}: ${each.detail ?? each.state}`).join('; ')}`);
}

/** Both clouds are asked, in both directions: what only one of them knows of is an orphan. A probe on its way is one for a moment. */
export async function demandNoDifference(admin: Session, base: string): Promise<void> {
  let last: unknown;
  await until('the two clouds to know of the same things', async () => {
    const { there, here } = (await admin.client(region, base).differences.show()).body;
    last = { there, here };
    return there.length + here.length === 0 ? true : undefined;
  }).catch((cause: unknown) => {
    throw new Error(`Only one of the two clouds knows of ${JSON.stringify(last)}`, { cause });
  });
}

/** What the partner himself sees of what is rented to the operator. */
export type OwnersView = {
  machines(): Promise<string[]>;
  /** Resolves when nothing of it is left; rejects with what is. */
  demandEmpty(): Promise<void>;
  /** By the partner's own meter, of what one project of ours had there. */
  machineSeconds(projectId: string, since: Date): Promise<number | null>;
  /** The place there of one of our projects. */
  placeOf(projectId: string): Promise<string | undefined>;
  /** Resolves when its meter has told of the end of each of those machines. */
  told(projectId: string, since: Date): Promise<void>;
};

/** `metered`: what of theirs can be asked for its own count, when it is another Intercloud. */
export function ownersViewOf(admin: Session, metered: Pick<DemoCloud, 'region'> | undefined): OwnersView {
  // Ours are named after those of the operator's cloud: for people, and for this.
  const projects = async () => (await admin.client(identity).projects.list({})).body.projects.filter(({ name }) => name.startsWith('intercloud-'));
  const placeOf = async (projectId: string) => (await projects()).find(({ name }) => name.startsWith(`intercloud-${projectId}`));
  const look = async () => {
    const rented = new Set((await projects()).map(({ id }) => id));
    return holdingsOf(admin, admin.base, (id) => rented.has(id));
  };
  return {
    machines: async () => (await look()).servers,
    demandEmpty: () => demandEmpty('the partner’s cloud', look),
    placeOf: async (projectId) => (await placeOf(projectId))?.id,
    async told(projectId, since) {
      const place = await placeOf(projectId);
      if (place && metered) await usageTold(admin, { projectId: place.id, since });
    },
    async machineSeconds(projectId, since) {
      const place = await placeOf(projectId);
      return place && metered ? machineSeconds(admin, { projectId: place.id, region: metered.region, since }) : null;
    },
  };
}
