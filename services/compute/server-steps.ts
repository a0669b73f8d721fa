/** Steps that several workflows of servers have. */
import { DriverError, type ServerSpec } from '../../drivers/driver.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import type { Failure, Outcome, Retry, Run, Step, Workflow } from '../../kit/workflow/workflow.ts';
import { step, workflow } from '../../kit/workflow/workflow.ts';
import type { RegionParts } from '../parts.ts';
import { keysOfVolumes } from '../volume/disk-keys.ts';
import { endAction } from './actions.ts';
import { changeServer, faultFrom, powerOf } from './server-changes.ts';
import { serverSpec } from './server-spec.ts';
import { lockServerRow, projectOfServer, type Server } from './servers.store.ts';

export type About = { serverId: string };
export type ServerRun<Input extends About = About, State extends object = object> = Run<Input, State, RegionParts>;

export const subjectOf = (serverId: string) => `server/${serverId}`;

/** A host that restarts is back in a minute. */
export const patient: Retry = { attempts: 12, firstMs: 250, factor: 2, maxMs: 10_000 };

/** Builds the newest specification and tells the driver: at whatever time this runs, it says what should be now. */
export async function ensureMachine(run: Pick<ServerRun, 'services' | 'input'>): Promise<ServerSpec> {
  const { database, driver } = run.services;
  const spec = await database.read({ kind: 'system', reason: 'the specification of a server' }, (tx) => serverSpec(tx, run.input.serverId));
  try {
    // Here, and not where the specification is read: keys are in no answer and in no row of ours.
    await driver.servers.ensure({ ...spec, keys: await keysOfVolumes(run.services, [...(spec.rootDisk.kind === 'volume' ? [spec.rootDisk.volumeId] : []), ...spec.volumes.map(({ volumeId }) => volumeId)]) });
  } catch (error) {
    throw asFinal(error);
  }
  return spec;
}

/** What no repetition can mend is not repeated. */
export function asFinal(error: unknown): unknown {
  if (error instanceof DriverError && (error.kind === 'invalid' || error.kind === 'exhausted' || error.kind === 'missing')) Object.assign(error, { retryable: false });
  return error;
}

/** Ends the step with changes of the server; nothing is left to change when it was deleted meanwhile. */
export async function commitServer<Input extends About>(run: ServerRun<Input>, change: (server: Server, tx: Transaction) => Promise<Partial<Server>> | Partial<Server>, options: { event?: string; intent?: boolean } = {}): Promise<void> {
  await run.commit(async (tx) => {
    const server = await lockServerRow(tx, run.input.serverId);
    if (!server) return;
    await changeServer(tx, run.services.clock, server, await change(server, tx), { ...options, requestId: run.requestId });
  });
}

export async function nowAs<Input extends About>(run: ServerRun<Input>, taskState: string): Promise<void> {
  await run.write(async (tx) => {
    const server = await lockServerRow(tx, run.input.serverId);
    if (server && server.taskState !== null && server.taskState !== taskState) await changeServer(tx, run.services.clock, server, { taskState }, { requestId: run.requestId });
  });
}

export type ActionEnding<Input extends About> = {
  /** What the server is when all steps are done. */
  done: Partial<Server> | ((server: Server, tx: Transaction, run: ServerRun<Input>) => Partial<Server> | Promise<Partial<Server>>);
  event: string;
  /** `revert` (unless told): as it was before; `error`: it cannot be used. */
  onFailure?: 'revert' | 'error';
  /** What to put back besides, when it failed. */
  putBack?: (server: Server, tx: Transaction, run: ServerRun<Input>) => Promise<Partial<Server>>;
  deadlineSeconds?: number;
  /** It goes on beside what else is asked: the task is not its own to end. */
  keepsTask?: boolean;
};

/** A workflow that changes a server that exists, and leaves it in a state in which nothing is under way. */
export function actionWorkflow<Input extends About = About>(name: string, steps: readonly Step<ServerRun<Input>>[], ending: ActionEnding<Input>): Workflow<Input, object, RegionParts> {
  const { done, event, onFailure = 'revert', putBack, deadlineSeconds = 300, keepsTask = false } = ending;
  const last = step<ServerRun<Input>>('say that it is done', (run) =>
    commitServer(run, async (server, tx) => ({ ...(keepsTask ? {} : { taskState: null }), ...(typeof done === 'function' ? await done(server, tx, run) : done) }), { event }),
  );
  return workflow<Input, object, RegionParts>(name, [...steps, last], {
    deadlineSeconds,
    async onFailed(tx, run, failure) {
      const server = await lockServerRow(tx, run.input.serverId);
      if (!server) return;
      const more = (await putBack?.(server, tx, run)) ?? {};
      const now = run.services.clock.now();
      const fault = faultFrom(failure, now);
      const state: Partial<Server> = onFailure === 'error' ? { vmState: 'error' } : { power: powerOf(server.vmState, server) };
      await changeServer(tx, run.services.clock, server, { ...(keepsTask ? {} : { taskState: null }), fault, ...state, ...more }, { event: event.replace(/\.end$/, '.error'), requestId: run.requestId, intent: true });
      // The step may have done its work on the host before it failed: the host hears what is to be now.
      if (name !== refreshName && server.hostId !== null) await run.services.workflows.start(tx, refreshServerWorkflow, { subject: subjectOf(server.id), input: { serverId: server.id }, projectId: server.projectId });
    },
    onSettled: (tx, run, outcome) => noteOutcome(tx, run, outcome, run.failure),
  });
}

/** Writes down what became of the request, for those who ask for the server's actions. */
export async function noteOutcome<Input extends About>(tx: Transaction, run: ServerRun<Input>, outcome: Outcome, failure: Failure | undefined): Promise<void> {
  if (run.requestId === undefined) return;
  const message = outcome === 'done' ? null : outcome === 'superseded' ? 'It was given up for what was asked after it.' : (failure && faultFrom(failure, run.services.clock.now()).message) ?? 'Error';
  const projectId = await projectOfServer(tx, run.input.serverId);
  if (projectId !== undefined) await endAction(tx, { serverId: run.input.serverId, projectId, requestId: run.requestId }, { result: outcome === 'done' ? 'Success' : 'Error', message, now: run.services.clock.now() });
}

const refreshName = 'server.refresh';

/** Tells the host what is to be: after changed metadata, a changed name, or an action that failed half way. */
export const refreshServerWorkflow = actionWorkflow(refreshName, [step<ServerRun>('tell it what changed', async (run) => void (await ensureMachine(run)), undefined, { retry: patient })], { done: {}, event: 'server.refresh.end', keepsTask: true });
