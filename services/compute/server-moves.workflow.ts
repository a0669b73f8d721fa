/** How a server comes from one host to another. */
import { DriverError } from '../../drivers/driver.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { step } from '../../kit/workflow/workflow.ts';
import { projectNow } from '../network/ports.ts';
import { releaseClaim } from '../placement/claims.ts';
import { releaseQuota } from '../quota/quotas.ts';
import { selectInterfaces } from './devices.store.ts';
import { noteMigration } from './migrations.ts';
import { lessThan, placed, shutdownSeconds } from './server-actions.workflow.ts';
import { quotaOf } from './server-changes.ts';
import { returnTo } from './server-hosts.ts';
import { actionWorkflow, asFinal, ensureMachine, nowAs, patient, type About, type ServerRun } from './server-steps.ts';
import { lockServerRow, type Server } from './servers.store.ts';

/** On which host it is still: what it left, or (when it goes back) where it had gone. */
type AboutReturn = About & { leftHostId: string };

const connect = step<ServerRun>(
  'connect it',
  async (run) => {
    const { database } = run.services;
    const interfaces = await database.read({ kind: 'system', reason: 'the ports of a server' }, (tx) => selectInterfaces(tx, [run.input.serverId]));
    await projectNow(run.services, database, interfaces.map(({ portId }) => portId));
  },
  undefined,
  { retry: patient },
);

const takeOffOld = step<ServerRun>(
  'take it off its old host',
  async (run) => {
    const server = await placed(run);
    if (server?.resize?.left) await run.services.driver.servers.remove({ id: server.id, hostId: server.resize.left.hostId, generation: server.generation });
  },
  undefined,
  { retry: patient },
);

const start = (name: string, taskState: string) =>
  step<ServerRun>(
    name,
    async (run) => {
      await nowAs(run, taskState);
      await ensureMachine(run);
    },
    undefined,
    { retry: patient },
  );

export const migrateServerWorkflow = actionWorkflow(
  'server.migrate',
  [
    step<ServerRun>('ask the guest to power off', async (run) => {
      await nowAs(run, 'resize_migrating');
      const server = await placed(run);
      if (server?.resize?.left) await shutDownAt(run, server, server.resize.left.hostId);
    }),
    connect,
    start('start it on its new host', 'resize_finish'),
    takeOffOld,
  ],
  { done: (server, tx, run) => finished(server, tx, run, { vmState: 'resized' }, 'finished'), event: 'server.migrate.end', putBack: goBack, deadlineSeconds: 900 },
);

/** From here on it cannot be given up: what is taken off the old host would be missing there. */
const passOver = step<ServerRun>('say that it has come over', (run) =>
  run.write(async (tx) => {
    const server = await lockServerRow(tx, run.input.serverId);
    if (server?.resize?.left) await noteMigration(tx, server.id, 'post-migrating', run.services.clock.now());
  }),
);

export const liveMigrateServerWorkflow = actionWorkflow('server.live-migrate', [connect, start('go on on its new host', 'migrating'), passOver, takeOffOld], {
  async done(server, tx, run) {
    if (server.resize?.left) await releaseClaim(tx, server.resize.left.claimId, run.services.clock.now());
    return finished(server, tx, run, { resize: null }, 'completed');
  },
  event: 'server.live_migration.end',
  putBack: goBack,
  deadlineSeconds: 900,
});

export const evacuateServerWorkflow = actionWorkflow('server.evacuate', [connect, start('make it on its new host', 'rebuild_spawning')], {
  done: (server, tx, run) => finished(server, tx, run, { vmState: server.power === 'stopped' ? 'stopped' : 'active', launchedAt: run.services.clock.now(), adminPass: null }, 'done'),
  event: 'server.evacuate.end',
  onFailure: 'error',
  deadlineSeconds: 900,
});

const connectAgain = step<ServerRun<AboutReturn>>('connect it', (run) => connect.act(run), undefined, { retry: patient });

const startWhereItWas = step<ServerRun<AboutReturn>>('start it where it was', async (run) => void (await ensureMachine(run)), undefined, { retry: patient });

const takeOffOther = step<ServerRun<AboutReturn>>(
  'take it off the other host',
  async (run) => {
    const server = await placed(run);
    if (server) await run.services.driver.servers.remove({ id: server.id, hostId: run.input.leftHostId, generation: server.generation });
  },
  undefined,
  { retry: patient },
);

export const revertMigrationWorkflow = actionWorkflow<AboutReturn>(
  'server.migrate-revert',
  [
    step<ServerRun<AboutReturn>>('ask the guest to power off', async (run) => {
      const server = await placed(run);
      if (server) await shutDownAt(run, server, run.input.leftHostId);
    }),
    connectAgain,
    startWhereItWas,
    takeOffOther,
  ],
  { done: (server) => ({ vmState: server.power === 'stopped' ? 'stopped' : 'active' }), event: 'server.resize_revert.end', onFailure: 'error', deadlineSeconds: 900 },
);

export const abortLiveMigrationWorkflow = actionWorkflow<AboutReturn>('server.live-migrate-abort', [connectAgain, startWhereItWas, takeOffOther], {
  async done(server, tx, run) {
    await noteMigration(tx, server.id, 'cancelled', run.services.clock.now());
    return {};
  },
  event: 'server.live_migration.abort.end',
  onFailure: 'error',
  async putBack(server, tx, run) {
    await noteMigration(tx, server.id, 'error', run.services.clock.now());
    return {};
  },
  deadlineSeconds: 900,
});

async function shutDownAt(run: Pick<ServerRun, 'services'>, { id, generation }: Server, hostId: string): Promise<void> {
  await run.services.driver.servers.shutdown({ id, hostId, generation, seconds: shutdownSeconds }).catch((error: unknown) => {
    // What is not there is off.
    if (!(error instanceof DriverError && error.kind === 'missing')) throw asFinal(error);
  });
}

async function finished(server: Server, tx: Transaction, run: ServerRun, changes: Partial<Server>, status: string): Promise<Partial<Server>> {
  await noteMigration(tx, server.id, status, run.services.clock.now());
  return changes;
}

/** With the flavor that it had, where it was. */
async function goBack(server: Server, tx: Transaction, run: ServerRun): Promise<Partial<Server>> {
  if (!server.resize?.left) return {};
  const now = run.services.clock.now();
  const { from, left } = server.resize;
  await releaseQuota(tx, server.projectId, lessThan(quotaOf(server), quotaOf({ flavor: from, resize: null })));
  await noteMigration(tx, server.id, 'error', now);
  return { ...(await returnTo(tx, server, left, { now, requestId: run.requestId })), flavor: from, localDisks: server.resize.localDisks ?? server.localDisks, resize: null };
}
