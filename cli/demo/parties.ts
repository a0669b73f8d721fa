/** Who takes part: the partner whose cloud is rented, and below the operator a partner, his reseller and the reseller's customer. */
import { randomBytes } from 'node:crypto';
import { compute } from '../../contract/compute/service.ts';
import { identity } from '../../contract/identity/service.ts';
import { billing } from '../../contract/intercloud/billing.ts';
import { broker } from '../../contract/intercloud/broker.ts';
import type { BodyOf } from '../../contract/contract.ts';
import { signIn, type Session } from './session.ts';

/** An account, and the one who acts for it. */
export type Party = { name: string; accountId: string; manager: Session };

export type Parties = {
  operator: Party;
  /** Who sells the operator the partner's cloud; the operator writes his prices down. */
  supplier: { name: string; accountId: string };
  partner: Party;
  reseller: Party;
  customer: Party;
};

export type Prices = { currency: string; own: string; burst: string; supplier: string; partnerMargin: string; resellerMargin: string };

/** An hour of one machine. High, so that seconds cost cents: the demonstration is short. */
export const prices: Prices = { currency: 'EUR', own: '36', burst: '72', supplier: '54', partnerMargin: '10', resellerMargin: '25' };

export async function openAccounts(admin: Session, partnerRegion: string): Promise<Parties> {
  const operator: Party = { name: 'Operator', accountId: 'operator', manager: admin };
  const partner = await openBelow(admin, operator, 'Northwind');
  const reseller = await openBelow(admin, partner, 'Harbour');
  const customer = await openBelow(admin, reseller, 'Acme');
  return { operator, supplier: await supplierOf(admin, partnerRegion), partner, reseller, customer };
}

/** An account below, with a domain of its own and a manager of that domain. */
async function openBelow(admin: Session, above: Party, name: string): Promise<Party> {
  const { id: accountId } = (await above.manager.client(billing).accounts.create({ body: { name } })).body;
  const people = admin.client(identity);
  const { domain } = (await people.domains.create({ body: { domain: { name } } })).body;
  await admin.client(billing).accounts.addDomain({ params: { account_id: accountId, domain_id: domain.id } });
  const password = randomBytes(12).toString('base64url');
  const { user } = (await people.users.create({ body: { user: { name: 'manager', domain_id: domain.id, password } } })).body;
  await people.domainUserGrants.create({ params: { domain_id: domain.id, user_id: user.id, role_id: await roleNamed(admin, 'manager') } });
  return { name, accountId, manager: await signIn(admin.base, { user: 'manager', domain: name, password, scope: { domain: { name } } }) };
}

async function supplierOf(admin: Session, region: string): Promise<Parties['supplier']> {
  const { accounts } = admin.client(billing);
  const known = (await accounts.list()).body.accounts.find(({ kind, regions }) => kind === 'supplier' && regions.includes(region));
  if (known) return { name: known.name, accountId: known.id };
  const name = `Owner of ${region}`;
  return { name, accountId: (await accounts.create({ body: { name, kind: 'supplier', regions: [region] } })).body.id };
}

/** Each tier sells by a book of its own: the operator by his list, the others by a margin on what they pay themselves. */
export async function writeBooks({ operator, supplier, partner, reseller, customer }: Parties, { partnerRegion, flavor }: { partnerRegion: string; /** By which the partner sells. */ flavor: string }): Promise<void> {
  const { currency, own, burst, supplier: cost, partnerMargin, resellerMargin } = prices;
  const machine = { resource: 'server', measure: 'servers' } as const;
  await sell(operator, supplier.accountId, { name: 'rent', account_id: supplier.accountId, currency, entries: [{ id: 'machine', ...machine, flavor, price: cost }] });
  const entries = [{ id: 'machine-burst', ...machine, region: partnerRegion, price: burst }, { id: 'machine', ...machine, price: own }];
  await sell(operator, partner.accountId, { name: 'list', currency, entries });
  await sell(partner, reseller.accountId, { name: 'resale', margin: partnerMargin });
  await sell(reseller, customer.accountId, { name: 'retail', margin: resellerMargin });
}

type BookWish = BodyOf<(typeof billing)['nouns']['books']['create']>;

async function sell(seller: Party, accountId: string, book: BookWish): Promise<void> {
  const till = seller.manager.client(billing);
  const { id } = (await till.books.create({ body: book })).body;
  await till.accounts.setBook({ params: { account_id: accountId }, body: { book_id: id } });
}

/** A project of the customer's and somebody who works in it, made by the customer's own manager. */
export async function makeProject(admin: Session, { manager, name: domain }: Party, { limits }: { limits: Record<string, number> }): Promise<Session> {
  const people = manager.client(identity);
  const password = randomBytes(12).toString('base64url');
  const domainId = (await admin.client(identity).domains.list({ query: { name: domain } })).body.domains[0]?.id ?? '';
  const { project } = (await people.projects.create({ body: { project: { name: 'shop', domain_id: domainId } } })).body;
  const { user } = (await people.users.create({ body: { user: { name: 'dora', domain_id: domainId, password } } })).body;
  await people.projectUserGrants.create({ params: { project_id: project.id, user_id: user.id, role_id: await roleNamed(admin, 'member') } });
  await admin.client(compute).quotaSets.update({ params: { tenant_id: project.id }, body: { quota_set: limits } });
  return signIn(admin.base, { user: 'dora', domain, password, scope: { project: { name: 'shop', domain: { name: domain } } } });
}

/** Only where the law is that of the customer; and a machine costs no more than what he has agreed to. */
export async function setPolicy(admin: Session, customer: Session, { regions, hourlyAtMost }: { regions: readonly string[]; hourlyAtMost: string }): Promise<void> {
  const { labels } = admin.client(broker);
  for (const region of regions) await labels.replace({ params: { region }, body: { labels: { residency: 'eu' } } });
  const policy = { limits: { labels: { residency: ['eu'] }, hourly_at_most: hourlyAtMost }, preferences: { own: 2, cost: 1, reliability: 1 } };
  await customer.client(broker).policy.replace({ body: { policy } });
}

async function roleNamed(admin: Session, name: string): Promise<string> {
  const { roles } = (await admin.client(identity).roles.list({ query: { name } })).body;
  const role = roles.find((each) => each.name === name);
  if (!role) throw new Error(`The cloud has no role ${name}`);
  return role.id;
}
