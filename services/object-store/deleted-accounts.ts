/** Accounts that those who run accounts delete, with all that is in them: swift/account/reaper.py. */
import { conflict } from '../../kit/fault.ts';
import { nobody } from '../../kit/http/caller.ts';
import type { RegionParts } from '../parts.ts';
import type { AccountContext } from './accounts.ts';
import { deleteContainer, listContainers, noSuchContainer } from './containers.ts';
import { lockContainer } from './containers.store.ts';
import { deleteAccountRow, deleteSomeObjects, hasLockedObjects, markAccountDeleted, selectDeletedAccounts } from './deleted-accounts.store.ts';

const reaping = { kind: 'system', reason: 'accounts that were deleted' } as const;
const atOnce = 1000;

/** From now on nobody comes to it; refuses where something in it is not to be deleted yet. */
export async function deleteAccount({ tx, projectId, now }: AccountContext): Promise<void> {
  if (await hasLockedObjects(tx, projectId, now)) throw conflict('Something in this account is held, or is to be kept for longer.', 'AccountLocked');
  if (!(await markAccountDeleted(tx, projectId, now))) throw noSuchContainer();
}

/** Deletes what is in them, a little at a time; then the account is as if it had never been. */
export async function emptyDeletedAccounts(parts: Pick<RegionParts, 'database' | 'clock' | 'random'>, signal?: AbortSignal): Promise<void> {
  for (const projectId of await parts.database.read(reaping, selectDeletedAccounts)) await emptyAccount(parts, projectId, signal);
}

async function emptyAccount({ database, clock, random }: Pick<RegionParts, 'database' | 'clock' | 'random'>, projectId: string, signal?: AbortSignal): Promise<void> {
  const within = <T>(work: (context: AccountContext) => Promise<T>) => database.transaction({ kind: 'project', projectId }, (tx) => work({ tx, projectId, now: clock.now(), random, caller: nobody, requestId: '' }));
  const isOver = () => signal?.aborted === true;
  for (;;) {
    if (isOver()) return;
    const names = await within(async (context) => (await listContainers(context, { limit: atOnce })).flatMap((each) => (each.subdir === null ? [each.name] : [])));
    if (names.length === 0) break;
    for (const name of names) {
      let left = true;
      while (left && !isOver())
        left = await within(async (context) => {
          const container = await lockContainer(context.tx, projectId, name);
          if (!container) return false;
          if ((await deleteSomeObjects(context.tx, container.id, atOnce)) === atOnce) return true;
          await deleteContainer(context, name);
          return false;
        });
    }
  }
  await within(({ tx }) => deleteAccountRow(tx, projectId));
}
