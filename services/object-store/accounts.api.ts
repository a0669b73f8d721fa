/** The door of accounts: swift/proxy/controllers/account.py, swift/account/server.py. */
import { accounts as contract } from '../../contract/object-store/accounts.ts';
import { storagePolicy } from '../../contract/object-store/capabilities.ts';
import { explanationOf } from '../../contract/object-store/reasons.ts';
import { Fault } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import { extractArchive } from './archives.ts';
import { getAccount, updateAccount, type Account } from './accounts.ts';
import { deleteMany, pathsToDelete } from './bulk-deletes.ts';
import { listContainers } from './containers.ts';
import { deleteAccount } from './deleted-accounts.ts';
import { emptyAnswer } from './empty-answers.ts';
import { encoded } from './header-text.ts';
import { accountLimit, listAnswer, listTypeOf, rangeOf, type Item } from './listing-formats.ts';
import { checkTotal, metadataChanges } from './metadata.ts';
import { listedTimeOf, timestampOf } from './timestamps.ts';
import { accountLimitChanges } from './usage-limits.ts';
import { refusal, textsOf, visit, type Visit } from './visits.ts';

export function accounts({ bodies }: RegionParts) {
  return implement(contract, {
    async show(request) {
      const { account: name } = request.params;
      const type = listTypeOf(request.query, request.headers);
      const range = rangeOf(request.query, accountLimit);
      const here = await visit(request, contract.show, { account: name });
      const { account, found } = await here.read(async (context) => ({ account: await getAccount(context), found: await listContainers(context, range) }));
      const items = found.map((each): Item => (each.subdir === null ? { name: each.name, count: each.objects, bytes: each.bytes, last_modified: listedTimeOf(each.updatedAt), storage_policy: storagePolicy } : { subdir: each.subdir }));
      return listAnswer({ of: 'account', name, items }, type, { query: request.query, headers: headersOf(account, here) });
    },

    async head(request) {
      const here = await visit(request, contract.head, { account: request.params.account });
      const account = await here.read(getAccount);
      return new Answer(undefined, { headers: encoded({ ...headersOf(account, here), 'content-type': `${listTypeOf({}, request.headers)}; charset=utf-8` }) });
    },

    async put(request) {
      const here = await visit(request, contract.put, { account: request.params.account });
      if (textsOf(request)['extract-archive'] !== undefined) return extractArchive(bodies, request, here, '');
      if (!here.isReseller) throw notAllowed('DELETE, GET, HEAD, OPTIONS, POST');
      const changes = { ...metadataChanges(request.headers, 'account'), ...accountLimitChanges(request, here) };
      await here.commit((context) => updateAccount(context, changes));
      return emptyAnswer(here.account ? 202 : 201);
    },

    async update(request) {
      const here = await visit(request, contract.update, { account: request.params.account });
      if (textsOf(request)['bulk-delete'] !== undefined) return deleteMany(request, here, await pathsToDelete(request.body));
      const changes = { ...metadataChanges(request.headers, 'account'), ...accountLimitChanges(request, here) };
      await here.commit(async (context) => {
        checkTotal(here.account ?? {}, changes, 'account');
        await updateAccount(context, changes);
      });
      return emptyAnswer(204);
    },

    async delete(request) {
      const here = await visit(request, contract.delete, { account: request.params.account });
      if (textsOf(request)['bulk-delete'] !== undefined) return deleteMany(request, here, await pathsToDelete(request.body));
      // keystoneauth.py: nobody deletes his own account.
      if (!here.isReseller) throw refusal(request.caller);
      await here.commit(deleteAccount);
      return emptyAnswer(204);
    },

    async options() {
      return new Answer(undefined, { headers: { allow: 'HEAD, GET, POST, OPTIONS', 'content-length': '0' } });
    },
  });
}

/** Keys that sign addresses are for the account's own people. */
const ownersOnly = /^x-account-meta-temp-url-key(-2)?$/;

function headersOf({ headers, createdAt, usage }: Account, { isOwner }: Pick<Visit, 'isOwner'>): Record<string, string> {
  const policy = `x-account-storage-policy-${storagePolicy}`;
  return {
    ...Object.fromEntries(Object.entries(headers).filter(([name]) => isOwner || !ownersOnly.test(name))),
    'x-account-container-count': String(usage.containers),
    'x-account-object-count': String(usage.objects),
    'x-account-bytes-used': String(usage.bytes),
    [`${policy}-container-count`]: String(usage.containers),
    [`${policy}-object-count`]: String(usage.objects),
    [`${policy}-bytes-used`]: String(usage.bytes),
    'x-timestamp': timestampOf(createdAt),
    'x-put-timestamp': timestampOf(createdAt),
    'accept-ranges': 'bytes',
  };
}

function notAllowed(allow: string): Fault {
  return new Fault(405, 'MethodNotAllowed', explanationOf(405), { headers: { allow } });
}
