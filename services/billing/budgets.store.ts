import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type Budget = {
  id: string;
  accountId: string;
  projectId: string | null;
  name: string;
  currency: string;
  amountNano: bigint;
  spentNano: bigint;
  reservedNano: bigint;
  /** The month of which `spentNano` is. */
  month: Date;
  alerts: number[];
  alerted: number;
  createdAt: Date;
};

type Row = Omit<Budget, 'amountNano' | 'spentNano' | 'reservedNano'> & { amountNano: string; spentNano: string; reservedNano: string };

const columns = sql`
  budget.id, budget.account_id as "accountId", budget.project_id as "projectId", budget.name, budget.currency, budget.amount_nano::text as "amountNano", budget.spent_nano::text as "spentNano",
  budget.reserved_nano::text as "reservedNano", budget.month, budget.alerts, budget.alerted, budget.created_at as "createdAt"`;

export async function findBudget(tx: Transaction, id: string): Promise<Budget | undefined> {
  const row = await tx.one<Row>`select ${columns} from billing.budget budget where id = ${id}`;
  return row && counted(row);
}

export async function listBudgets(tx: Transaction, accountId: string | null): Promise<Budget[]> {
  return (await tx.rows<Row>`select ${columns} from billing.budget budget where ${accountId}::text is null or account_id = ${accountId} order by created_at, id`).map(counted);
}

/** Those that a project of this account draws on: its own and the account's. In one order, so that two who lock them do not wait for each other. */
export async function lockBudgetsFor(tx: Transaction, { accountId, projectId }: { accountId: string; projectId: string }): Promise<Budget[]> {
  const rows = await tx.rows<Row>`
    select ${columns} from billing.budget budget where account_id = ${accountId} and (project_id is null or project_id = ${projectId}) order by id for update`;
  return rows.map(counted);
}

export async function insertBudget(tx: Transaction, budget: Budget): Promise<void> {
  await tx.run`
    insert into billing.budget (id, account_id, project_id, name, currency, amount_nano, month, alerts, created_at)
    values (${budget.id}, ${budget.accountId}, ${budget.projectId}, ${budget.name}, ${budget.currency}, ${String(budget.amountNano)}, ${budget.month}, ${budget.alerts}::int[], ${budget.createdAt})`;
}

export function deleteBudgetRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from billing.budget where id = ${id} and reserved_nano = 0`;
}

export async function setSpent(tx: Transaction, id: string, { spentNano, month, alerted }: { spentNano: bigint; month: Date; alerted: number }): Promise<void> {
  await tx.run`update billing.budget set spent_nano = ${String(spentNano)}, month = ${month}, alerted = ${alerted} where id = ${id}`;
}

// Leases

export async function findLease(tx: Transaction, budgetId: string, holder: string): Promise<bigint> {
  const row = await tx.one<{ amount: string }>`select amount_nano::text as amount from billing.budget_lease where budget_id = ${budgetId} and holder = ${holder}`;
  return BigInt(row?.amount ?? '0');
}

/** In place of what the holder had. */
export async function putLease(tx: Transaction, { budgetId, holder, amountNano, expiresAt }: { budgetId: string; holder: string; amountNano: bigint; expiresAt: Date }): Promise<void> {
  await tx.run`
    insert into billing.budget_lease (budget_id, holder, amount_nano, expires_at) values (${budgetId}, ${holder}, ${String(amountNano)}, ${expiresAt})
    on conflict (budget_id, holder) do update set amount_nano = excluded.amount_nano, expires_at = excluded.expires_at`;
  await recount(tx, [budgetId]);
}

export async function deleteLeases(tx: Transaction, holder: string): Promise<void> {
  const rows = await tx.rows<{ id: string }>`
    with locked as materialized (select id from billing.budget where id in (select budget_id from billing.budget_lease where holder = ${holder}) order by id for update)
    delete from billing.budget_lease using locked where budget_id = locked.id and holder = ${holder} returning budget_id as id`;
  await recount(tx, rows.map(({ id }) => id));
}

export async function deleteLeasesBefore(tx: Transaction, moment: Date): Promise<void> {
  const rows = await tx.rows<{ id: string }>`
    with locked as materialized (select id from billing.budget where id in (select budget_id from billing.budget_lease where expires_at <= ${moment}) order by id for update)
    delete from billing.budget_lease using locked where budget_id = locked.id and expires_at <= ${moment} returning budget_id as id`;
  await recount(tx, rows.map(({ id }) => id));
}

async function recount(tx: Transaction, ids: readonly string[]): Promise<void> {
  await tx.run`
    update billing.budget set reserved_nano = (select coalesce(sum(amount_nano), 0) from billing.budget_lease where budget_id = budget.id)
    where id = any(${ids}::text[])`;
}

export async function wronglyReserved(tx: Transaction): Promise<{ id: string; reserved: string; leased: string }[]> {
  return tx.rows`
    select budget.id, budget.reserved_nano::text as reserved, coalesce(sum(lease.amount_nano), 0)::text as leased
    from billing.budget budget left join billing.budget_lease lease on lease.budget_id = budget.id
    group by budget.id having budget.reserved_nano <> coalesce(sum(lease.amount_nano), 0)`;
}

function counted(row: Row): Budget {
  return { ...row, amountNano: BigInt(row.amountNano), spentNano: BigInt(row.spentNano), reservedNano: BigInt(row.reservedNano) };
}
