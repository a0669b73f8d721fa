/** The door of domains. keystone/api/domains.py */
import { domains as contract } from '../../contract/identity/domains.ts';
import { implement } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import { createDomain, deleteDomain, getDomain, listDomains, updateDomain, type Domain } from './domains.ts';
import { extraOf } from './extra.ts';
import { pageOf } from './pages.ts';
import { newId, type IdentityParts } from './parts.ts';

const columns = ['id', 'explicit_domain_id', 'name', 'description', 'enabled', 'options', 'tags', 'links', 'domain_id', 'parent_id', 'is_domain'];

export function domainsDoor(parts: IdentityParts) {
  const { directory } = parts;
  return implement(contract, {
    async list(request) {
      const { items, rest } = pageOf(request, await listDomains(request, request.query));
      return { domains: items.map((domain) => domainView(domain, request)), ...rest };
    },
    async create(request) {
      const { explicit_domain_id: explicitId, name, description = '', enabled = true, options = {} } = request.body.domain;
      const domain = await createDomain(request, { id: explicitId ?? newId(parts), name: name.trim(), description, enabled, options, extra: extraOf(request.body.domain, columns) });
      await announce(request, 'domain', 'created', domain.id);
      return { domain: domainView(domain, request) };
    },
    async show(request) {
      return { domain: domainView(await getDomain(request, request.params.domain_id), request) };
    },
    async update(request) {
      const { name, description, enabled, options } = request.body.domain;
      const change = { ...given({ name: name?.trim(), description, enabled, options }), extra: extraOf(request.body.domain, columns) };
      const domain = await updateDomain(request, directory, request.params.domain_id, change);
      await announce(request, 'domain', 'updated', domain.id);
      return { domain: domainView(domain, request) };
    },
    async delete(request) {
      await deleteDomain(request, directory, request.params.domain_id);
      await announce(request, 'domain', 'deleted', request.params.domain_id);
    },
  });
}

export function domainView({ id, name, description, enabled, options, extra }: Domain, { url }: { url(path: string): string }) {
  return { ...extra, id, name, description, enabled, tags: [], options, links: { self: url(`/domains/${id}`) } };
}

/** What a change names: `undefined` changes nothing. */
export function given<T extends object>(change: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
