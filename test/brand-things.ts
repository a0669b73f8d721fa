/** Real things of brands and admission, made through the API: for generated requests (things.ts, preparations.ts). */
import { brand } from '../contract/intercloud/brand.ts';
import type { Person } from './cloud.ts';

type Making = { admin: Person; get(name: string): Promise<string>; unique: () => string };

export const brandMakers = {
  'branded account': async ({ admin, get, unique }: Making) => {
    const id = await get('billing account');
    await admin.client(brand).brands.replace({ params: { account_id: id }, body: { name: unique(), support: 'help@example.org', hosts: [`${unique()}.example`] } });
    return id;
  },
};

export const brandPaths = { 'intercloud-brand /brands/': 'branded account', 'intercloud-admission /profiles/': 'region of this cloud' } as const;

/** Managers of a domain see their own account's; nobody of these tests is one. */
const byAdmin = { by: 'admin' } as const;
const ours = { refused: { status: 404, because: 'No profile is kept of a region of our own' } };

export const brandPreparations = {
  'intercloud-brand.brands.list': byAdmin,
  'intercloud-brand.brands.show': byAdmin,
  'intercloud-admission.profiles.show': ours,
  'intercloud-admission.profiles.probe': ours,
  'intercloud-admission.profiles.suspend': ours,
};
