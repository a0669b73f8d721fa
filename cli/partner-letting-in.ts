/** Room for somebody else's cloud in this one: a domain of its own, and who manages it. */
import type { Client } from '../contract/client.ts';
import type { identity } from '../contract/identity/service.ts';

type Wish = { domain: string; user: string; password: string };

/**
 * Makes the domain and the user. In it he makes, changes and deletes projects, users and what roles they have, says the limits
 * of its projects and which outside addresses they use; beside it he has nothing (docs/decisions/0007).
 */
export async function letIn(people: Client<typeof identity>, { domain: name, user: userName, password }: Wish): Promise<{ domainId: string }> {
  const { domain } = (await people.domains.create({ body: { domain: { name } } })).body;
  const { user } = (await people.users.create({ body: { user: { name: userName, domain_id: domain.id, password } } })).body;
  const role = (await people.roles.list({ query: { name: 'renter' } })).body.roles.find((each) => each.name === 'renter');
  const params = { domain_id: domain.id, user_id: user.id, role_id: role?.id ?? '' };
  await people.domainUserGrants.create({ params });
  // And in every project that he makes there.
  await people.inheritedDomainUserGrants.create({ params });
  return { domainId: domain.id };
}
