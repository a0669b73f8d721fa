/** Starting workflows, and asking about them: what services and the doctor use. */
import type { Clock, Random } from '../clock.ts';
import { sql, type Transaction } from '../postgres/database.ts';
import { startChannel, stopChannel } from './store.ts';
import type { Failure, InputOf, SomeWorkflow } from './workflow.ts';

export type Wish<Input> = {
  /** What the run is about, such as `server/<id>`: one run at a time has it. */
  subject: string;
  input: Input;
  projectId?: string | undefined;
  requestId?: string | undefined;
  /** Instead of the workflow's own. */
  deadline?: Date;
};

export type Workflows = {
  /** Becomes true with the caller's transaction. Waits its turn behind earlier runs of the same subject. */
  start<W extends SomeWorkflow>(tx: Transaction, workflow: W, wish: Wish<InputOf<W>>): Promise<{ id: string }>;
  /**
   * As `start`, and asks all earlier runs of the subject to end where they are, without undoing anything:
   * this one takes care of what they leave behind.
   */
  supersede<W extends SomeWorkflow>(tx: Transaction, workflow: W, wish: Wish<InputOf<W>>): Promise<{ id: string }>;
};

export function createWorkflows({ clock, random }: { clock: Clock; random: Random }): Workflows {
  async function start(tx: Transaction, workflow: SomeWorkflow, wish: Wish<unknown>): Promise<{ id: string }> {
    const { subject, input, projectId = null, requestId = null } = wish;
    const now = clock.now();
    const deadline = wish.deadline ?? new Date(now.getTime() + workflow.deadlineSeconds * 1000);
    const id = random.uuid();
    // The lock comes before the number, so that numbers of one subject are in the order of commits.
    await tx.run`
      with turn as materialized (select pg_advisory_xact_lock(hashtext('kit.workflow_run'), hashtext(${subject})))
      insert into kit.workflow_run (id, workflow, subject, project_id, request_id, input, run_at, deadline, created_at)
      select ${id}, ${workflow.name}, ${subject}::text, ${projectId}, ${requestId}, ${sql.json(input ?? null)}::jsonb, ${now}, ${deadline}, ${now}
      from turn`;
    tx.wake(startChannel);
    return { id };
  }

  return {
    start,
    async supersede(tx, workflow, wish) {
      const started = await start(tx, workflow, wish);
      const asked = await tx.run`
        update kit.workflow_run set stop = true, run_at = least(run_at, ${clock.now()})
        where subject = ${wish.subject} and status in ('waiting', 'running') and id <> ${started.id} and not stop`;
      if (asked > 0) tx.wake(stopChannel);
      return started;
    },
  };
}

export type RunReport = {
  id: string;
  workflow: string;
  subject: string;
  projectId: string | null;
  status: 'waiting' | 'running' | 'done' | 'failed' | 'superseded' | 'stuck';
  phase: 'forward' | 'undo';
  step: number;
  attempt: number;
  deadline: Date | null;
  failure: Failure | null;
  createdAt: Date;
};

/** Runs that should have ended by now. */
export function overdue(tx: Transaction, { now }: { now: Date }): Promise<RunReport[]> {
  return reports(tx, sql`status in ('waiting', 'running') and deadline < ${now}`);
}

/** Runs whose undoing was given up: what they left behind needs a person. */
export function stuck(tx: Transaction): Promise<RunReport[]> {
  return reports(tx, sql`status = 'stuck'`);
}

/** What is under way, or waits its turn, for this subject; the next one first. */
export function running(tx: Transaction, subject: string): Promise<RunReport[]> {
  return reports(tx, sql`status in ('waiting', 'running') and subject = ${subject}`);
}

export async function findRun(tx: Transaction, id: string): Promise<RunReport | undefined> {
  const [run] = await reports(tx, sql`id = ${id}`);
  return run;
}

/** Undoes again what got stuck, when its cause is gone. */
export async function retryStuck(tx: Transaction, id: string, { now }: { now: Date }): Promise<void> {
  await tx.run`
    update kit.workflow_run set status = 'waiting', attempt = 0, deaths = 0, run_at = ${now}, settled_at = null
    where id = ${id} and status = 'stuck'`;
  tx.wake(startChannel);
}

/** Removes what ended long ago; what is stuck stays. */
export function forgetRunsBefore(tx: Transaction, moment: Date): Promise<number> {
  return tx.run`delete from kit.workflow_run where settled_at < ${moment} and status <> 'stuck'`;
}

function reports(tx: Transaction, condition: ReturnType<typeof sql>): Promise<RunReport[]> {
  return tx.rows<RunReport>`
    select id, workflow, subject, project_id as "projectId", status, phase, step, attempt, deadline, failure,
      created_at as "createdAt"
    from kit.workflow_run where ${condition} order by sequence`;
}
