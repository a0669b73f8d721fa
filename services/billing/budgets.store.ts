import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type Budget = {
  id: string;
  accountId: string;
  projectId: string | null;
  name: string;
  currency: string;
  amountNano: bigint;
  spentNano: bigint;
  /** What was spent of its first month before. */
  openedNano: bigint;
  stopLoss: boolean;
  /** The month of which `spentNano` is. */
  month: Date;
  alerts: number[];
  alerted: number;
  createdAt: Date;
};

type Row = Omit<Budget, 'amountNano' | 'spentNano' | 'openedNano'> & { amountNano: string; spentNano: string; openedNano: string };

const columns = sql`
  budget.id, budget.account_id as "accountId", budget.project_id as "projectId", budget.name, budget.currency, budget.amount_nano::text as "amountNano", budget.spent_nano::text as "spentNano",
  budget.opened_nano::text as "openedNano", budget.stop_loss as "stopLoss", budget.month, budget.alerts, budget.alerted, budget.created_at as "createdAt"`;

export async function findBudget(tx: Transaction, id: string): Promise<Budget | undefined> {
  const row = await tx.one<Row>`select ${columns} from billing.budget budget where id = ${id}`;
  return row && counted(row);
}

export async function listBudgets(tx: Transaction, accountId: string | null): Promise<Budget[]> {
  return (await tx.rows<Row>`select ${columns} from billing.budget budget where ${accountId}::text is null or account_id = ${accountId} order by created_at, id`).map(counted);
}

/** Whoever else counts it waits. */
export async function lockBudget(tx: Transaction, id: string): Promise<Budget | undefined> {
  const row = await tx.one<Row>`select ${columns} from billing.budget budget where id = ${id} for update`;
  return row && counted(row);
}

export async function insertBudget(tx: Transaction, budget: Budget): Promise<void> {
  await tx.run`
    insert into billing.budget (id, account_id, project_id, name, currency, amount_nano, spent_nano, opened_nano, stop_loss, month, alerts, created_at)
    values (${budget.id}, ${budget.accountId}, ${budget.projectId}, ${budget.name}, ${budget.currency}, ${String(budget.amountNano)}, ${String(budget.spentNano)}, ${String(budget.openedNano)}, ${budget.stopLoss}, ${budget.month}, ${budget.alerts}::int[], ${budget.createdAt})`;
}

export function deleteBudgetRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from billing.budget where id = ${id}`;
}

export async function setSpent(tx: Transaction, id: string, { spentNano, month, alerted }: { spentNano: bigint; month: Date; alerted: number }): Promise<void> {
  await tx.run`update billing.budget set spent_nano = ${String(spentNano)}, month = ${month}, alerted = ${alerted} where id = ${id}`;
}

function counted(row: Row): Budget {
  return { ...row, amountNano: BigInt(row.amountNano), spentNano: BigInt(row.spentNano), openedNano: BigInt(row.openedNano) };
}
