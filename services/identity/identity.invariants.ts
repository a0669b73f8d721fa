/** What `doctor` checks of identity. */
import type { Finding, HomeParts, Invariant } from '../parts.ts';
import { listEnabledBelowDisabled } from './projects.store.ts';
import { listGroundlessCredentials } from './application-credentials.store.ts';

export function identityInvariants({ database }: Pick<HomeParts, 'database'>): Invariant[] {
  const scope = { kind: 'system', reason: 'doctor' } as const;
  return [
    {
      id: 'identity.hierarchy',
      title: 'no project is enabled below a disabled one',
      check: () =>
        database.read(scope, async (tx) =>
          (await listEnabledBelowDisabled(tx)).map((id): Finding => ({ message: `The project ${id} is enabled and its parent is not`, remedy: `openstack project set --disable ${id}` })),
        ),
    },
    {
      id: 'identity.delegation',
      title: 'no application credential outlives the last role of its maker in the project',
      check: () =>
        database.read(scope, async (tx) =>
          (await listGroundlessCredentials(tx)).map(
            ({ id, userId }): Finding => ({ message: `The application credential ${id} of ${userId} is for a project in which they have no role`, remedy: 'It gives no rights; delete it by DELETE /v3/users/<user>/application_credentials/<id>' }),
          ),
        ),
    },
  ];
}
