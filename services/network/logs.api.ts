import { loggableResources as loggableContract, logs as contract } from '../../contract/network/logs.ts';
import { implement } from '../../kit/http/implement.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
import { createLog, deleteLog, loggable, logListing, logNoun, updateLog, type Log } from './logs.ts';
import { getRow, selectRows } from './noun.ts';

export const logs = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, logListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'logs', page, await selectRows(request.tx, logNoun, page.tail), shown);
  },
  async create(request) {
    if (request.body.log) return { log: shown(await createLog(request, request.body.log)) };
    const made: Log[] = [];
    for (const wish of request.body.logs ?? []) made.push(await createLog(request, wish));
    return { logs: made.map(shown) };
  },
  show: async (request) => ({ log: chosen(shown(await getRow(request, logNoun, request.params.log_id)), request.query.fields) }),
  update: async (request) => ({ log: shown(await updateLog(request, request.params.log_id, request.body.log)) }),
  async delete(request) {
    await deleteLog(request, request.params.log_id);
    return undefined;
  },
});

export const loggableResources = implement(loggableContract, {
  list: async (request) => ({ loggable_resources: (await loggable(request)).map((type) => chosen({ type }, request.query.fields)) }),
});

const shown = ({ created_at, updated_at, ...log }: Log) => ({ ...log, tenant_id: log.project_id, created_at: seconds(created_at), updated_at: seconds(updated_at) });
