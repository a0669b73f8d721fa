/** A region on a machine of its own, as far as it can tell: all that it and home say to each other goes over links, which can be cut. */
import { compute } from '../../contract/compute/service.ts';
import { federation } from '../../contract/intercloud/federation.ts';
import { image } from '../../contract/image/service.ts';
import { Refused } from '../../contract/client.ts';
import { freePort } from '../../supervisor/free-port.ts';
import { join } from 'node:path';
import { machine } from './burst.ts';
import { demand, type DemoCloud } from './clouds.ts';
import { startLink, type Link } from './link.ts';
import { signIn, until, type Session } from './session.ts';

export type FarRegion = DemoCloud & {
  /** Both ways at once. */
  cut(isCut: boolean): void;
  links: Link[];
};

export async function joinFarRegion(folder: string, home: DemoCloud, name: string): Promise<FarRegion> {
  const port = await freePort();
  const direct = `http://127.0.0.1:${port}`;
  const [toHome, toRegion] = [await startLink(home.url, { renames: false }), await startLink(direct, { renames: false })];
  const { token } = JSON.parse(await demand(folder, home.stateDir, ['region', 'add', name, '--elsewhere', '-f', 'json'])) as { token: string };
  const stateDir = join(folder, name);
  await demand(folder, stateDir, ['join', toHome.url, '--token', token, '--driver', 'simulated', '--hosts', '1', '--port', String(port), '--url', toRegion.url, '-f', 'json']);
  const links = [toHome, toRegion];
  return { stateDir, url: direct, region: name, admin: home.admin, links, cut: (isCut) => links.forEach((link) => link.cut(isCut)) };
}

type Wish = { home: DemoCloud; far: FarRegion; customer: Session; /** How many servers he has, and how many more he may. */ has: number; left: number; seconds: number };

/**
 * Cut off from each other, home and the region are both asked for more than is left of a limit that is one. Resolves to the
 * servers that there were meanwhile, which are all deleted again.
 */
export async function pressQuota({ home, far, customer, has, left, seconds }: Wish): Promise<string[]> {
  const limit = has + left;
  await limitServers(home.admin, customer.projectId, limit);
  await until('the far region to know of the limit', async () => {
    const { quota_set: known } = (await customer.client(compute, far.url).quotaSets.show({ params: { tenant_id: customer.projectId } })).body;
    return known.instances === limit ? true : undefined;
  });

  far.cut(true);
  const attempts = [home.url, far.url].flatMap((base) => Array.from({ length: left + 1 }, (_, number) => boot(customer, base, `pressed-${number}`)));
  const made = (await Promise.all(attempts)).filter((each) => each !== undefined);
  if (made.length === 0 || made.length > left) throw new Error(`${made.length} servers were made where ${left} were left, while ${far.region} was cut off`);
  // Who signs in only now is known there all the same, by what it has heard of home before.
  const late = await signIn(customer.base, customer.login);
  const seen = (await late.client(compute, far.url).servers.list()).body.servers.length;
  const there = made.filter(({ base }) => base === far.url);
  if (seen < there.length) throw new Error(`${far.region} has made ${there.length} servers, and shows ${seen}`);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  // What ends while nobody hears of it is billed up to then.
  for (const each of there) await remove(customer, each);
  far.cut(false);

  await until(`home to hear of ${far.region} again`, async () => {
    const before = Date.now();
    const { region } = (await home.admin.client(federation).regions.show({ params: { region: far.region } })).body;
    return region.seen_at !== null && before - Date.parse(region.seen_at) < 15_000 ? true : undefined;
  });
  for (const each of made.filter(({ base }) => base !== far.url)) await remove(customer, each);
  await limitServers(home.admin, customer.projectId, 100);
  return made.map(({ id }) => id);
}

type Made = { base: string; id: string };

/** Undefined: there is no more. */
async function boot(customer: Session, base: string, name: string): Promise<Made | undefined> {
  const [guest] = (await customer.client(image, base).images.list({ query: { name: 'cirros' } })).body.images;
  const { servers } = customer.client(compute, base);
  try {
    const { body } = await servers.create({ body: { server: { name, flavorRef: machine.flavor, imageRef: guest?.id ?? '', networks: [] } } });
    const { id } = (body as { server: { id: string } }).server;
    await until(`${name} to run`, async () => ((await servers.show({ params: { server_id: id } })).body.server.status === 'ACTIVE' ? true : undefined));
    return { base, id };
  } catch (error) {
    if (error instanceof Refused && error.status === 403 && /quota exceeded/i.test(JSON.stringify(error.body))) return undefined;
    throw error;
  }
}

async function remove(customer: Session, { base, id }: Made): Promise<void> {
  const { servers } = customer.client(compute, base);
  await servers.delete({ params: { server_id: id } });
  await until(`the server ${id} to be gone`, () => servers.show({ params: { server_id: id } }).then(() => undefined, (error: unknown) => (error instanceof Refused && error.status === 404 ? true : Promise.reject(error as Error))));
}

async function limitServers(admin: Session, project: string, instances: number): Promise<void> {
  await admin.client(compute).quotaSets.update({ params: { tenant_id: project }, body: { quota_set: { instances } } });
}
