/** The engine's statements. */
import { sql, type Transaction } from '../postgres/database.ts';
import { Superseded, type Failure, type Outcome } from './workflow.ts';

/** Woken when there is a run to claim. */
export const startChannel = 'kit_workflow';
/** Woken when a run is asked to stop. */
export const stopChannel = 'kit_workflow_stop';

/** Advisory locks of this group say that an owner lives: `pg_advisory_lock(group, owner)`. */
export const ownersLock = 0x1c10;

export type ClaimedRun = {
  id: string;
  workflow: string;
  subject: string;
  project_id: string | null;
  request_id: string | null;
  input: unknown;
  state: Record<string, unknown>;
  phase: 'forward' | 'undo';
  step: number;
  attempt: number;
  deaths: number;
  deadline: Date | null;
  stop: boolean;
  fence: number;
  failure: Failure | null;
};

export async function nextOwner(tx: Transaction): Promise<number> {
  const row = await tx.one<{ owner: number }>`select nextval('kit.workflow_owner')::int as owner`;
  return row!.owner;
}

type Me = { owner: number; now: Date };

// Leases are in the database's time: owners on several machines need not agree about theirs.
const lease = sql`now() + interval '30 seconds'`;

const due = (now: Date) => sql`
  run.status = 'waiting' and run.run_at <= ${now}
  and not exists (
    select from kit.workflow_run earlier
    where earlier.subject = run.subject and earlier.sequence < run.sequence and earlier.status in ('waiting', 'running')
  )`;

export function claimRuns(
  tx: Transaction,
  { owner, now, workflows, limit }: Me & { workflows: string[]; limit: number },
): Promise<ClaimedRun[]> {
  return tx.rows<ClaimedRun>`
    with chosen as materialized (
      select run.id from kit.workflow_run run
      where ${due(now)} and run.workflow = any(${workflows}::text[])
      order by run.run_at, run.sequence limit ${limit}
      for update of run skip locked
    )
    update kit.workflow_run run
    set status = 'running', owner = ${owner}, fence = run.fence + 1, lease_until = ${lease}
    from chosen where run.id = chosen.id
    returning run.id, workflow, subject, project_id, request_id, input, state, phase, step, attempt, deaths, deadline,
      stop, fence, failure`;
}

/**
 * Gives back the runs of owners who are gone: whose lock was let go of with their connection, whose
 * lease ran out, or who is this very process and knows nothing of the run any more.
 */
export function freeOrphans(tx: Transaction, { owner, now, active }: Me & { active: string[] }): Promise<number> {
  return tx.run`
    update kit.workflow_run run
    set status = 'waiting', owner = null, lease_until = null, run_at = ${now},
      -- What its process dies of counts; what this process let go of does not.
      deaths = case when owner = ${owner} then deaths else deaths + 1 end
    where status = 'running' and (
      lease_until < now()
      or (owner = ${owner} and id <> all(${active}::text[]))
      or (owner <> ${owner} and not exists (
        select from pg_locks
        where locktype = 'advisory' and granted and objsubid = 2
          and database = (select oid from pg_database where datname = current_database())
          and classid::int8 = ${ownersLock} and objid::int8 = run.owner
      ))
    )`;
}

/** Says that the owner is well, and learns which of its runs are to stop; those that are missing are lost. */
export function renewLeases(tx: Transaction, owner: number): Promise<{ id: string; fence: number; stop: boolean }[]> {
  return tx.rows`
    update kit.workflow_run set lease_until = ${lease} where owner = ${owner} and status = 'running'
    returning id, fence, stop`;
}

export async function hasDueRuns(tx: Transaction, { now, workflows }: { now: Date; workflows: string[] }): Promise<boolean> {
  const row = await tx.one<{ due: boolean }>`
    select exists (
      select from kit.workflow_run run
      where run.workflow = any(${workflows}::text[]) and (run.status = 'running' or (${due(now)}))
    ) as due`;
  return row!.due;
}

type Held = { id: string; fence: number };

/** Goes on to another step; says whether a successor waits. */
export async function recordStep(
  tx: Transaction,
  held: Held,
  { step, state }: { step: number; state: object | undefined },
): Promise<{ stop: boolean }> {
  return fenced(
    held,
    await tx.one<{ stop: boolean }>`
      update kit.workflow_run
      set step = ${step}, attempt = 0, deaths = 0, failure = case when phase = 'undo' then failure end, state = state || ${sql.json(state ?? {})}::jsonb
      where id = ${held.id} and fence = ${held.fence} and status = 'running' returning stop`,
  );
}

export async function recordState(tx: Transaction, held: Held, state: object | undefined): Promise<void> {
  fenced(
    held,
    await tx.one`
      update kit.workflow_run set state = state || ${sql.json(state ?? {})}::jsonb
      where id = ${held.id} and fence = ${held.fence} and status = 'running' returning id`,
  );
}

/** Lets the run go until it is tried again. */
export async function recordRetry(
  tx: Transaction,
  held: Held,
  { step, attempt, runAt, failure }: { step: number; attempt: number; runAt: Date; failure: Failure | undefined },
): Promise<void> {
  fenced(
    held,
    await tx.one`
      update kit.workflow_run
      set status = 'waiting', owner = null, lease_until = null, step = ${step}, attempt = ${attempt}, deaths = 0,
        -- A successor does not wait for the pause.
        run_at = case when stop then run_at else ${runAt} end,
        -- While undoing, the reason for it is kept.
        failure = case when phase = 'undo' then failure else ${failure ? sql.json(failure) : null}::jsonb end
      where id = ${held.id} and fence = ${held.fence} and status = 'running' returning id`,
  );
}

export async function recordUndo(
  tx: Transaction,
  held: Held,
  { step, failure }: { step: number; failure: Failure },
): Promise<{ stop: boolean }> {
  return fenced(
    held,
    await tx.one<{ stop: boolean }>`
      update kit.workflow_run set phase = 'undo', step = ${step}, attempt = 0, deaths = 0, failure = ${sql.json(failure)}::jsonb
      where id = ${held.id} and fence = ${held.fence} and status = 'running' returning stop`,
  );
}

/** Ends the run; says whether another one of its subject can start now. */
export async function recordOutcome(
  tx: Transaction,
  held: Held,
  { outcome, step, now, state, failure }: { outcome: Outcome; step: number; now: Date; state?: object | undefined; failure?: Failure | undefined },
): Promise<{ successor: boolean }> {
  return fenced(
    held,
    await tx.one<{ successor: boolean }>`
      update kit.workflow_run run
      set status = ${outcome}, owner = null, lease_until = null, settled_at = ${now},
        state = state || ${sql.json(state ?? {})}::jsonb, failure = ${failure ? sql.json(failure) : null}::jsonb,
        phase = case when ${outcome} = 'stuck' then 'undo' else phase end,
        step = ${step}
      where id = ${held.id} and fence = ${held.fence} and status = 'running'
      returning exists (
        select from kit.workflow_run next
        where next.subject = run.subject and next.status = 'waiting' and next.id <> run.id
      ) as successor`,
  );
}

/** Makes a schedule's only row, which then comes back for ever. */
export function ensureSchedule(tx: Transaction, { name, now }: { name: string; now: Date }): Promise<number> {
  return tx.run`
    insert into kit.workflow_run (id, workflow, subject, input, run_at, created_at) values (${name}, ${name}, ${name}, 'null', ${now}, ${now})
    on conflict (id) do nothing`;
}

export async function recordSchedule(
  tx: Transaction,
  held: Held,
  { runAt, failure }: { runAt: Date; failure: Failure | undefined },
): Promise<void> {
  fenced(
    held,
    await tx.one`
      update kit.workflow_run
      set status = 'waiting', owner = null, lease_until = null, attempt = 0, deaths = 0, run_at = ${runAt},
        failure = ${failure ? sql.json(failure) : null}::jsonb
      where id = ${held.id} and fence = ${held.fence} and status = 'running' returning id`,
  );
}

/** The write was under the newest claim, or the whole transaction is refused. */
function fenced<T extends object>({ id }: Held, row: T | undefined): T {
  if (!row) throw new Superseded(`Another owner has claimed the run ${id}`);
  return row;
}
