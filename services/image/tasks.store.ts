/** The SQL of tasks. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type TaskType = 'import' | 'api_image_import' | 'location_import';
export type TaskStatus = 'pending' | 'processing' | 'success' | 'failure';

export type Task = {
  id: string;
  projectId: string;
  type: TaskType;
  status: TaskStatus;
  input: Record<string, unknown>;
  result: Record<string, unknown> | null;
  message: string;
  imageId: string | null;
  userId: string;
  requestId: string | null;
  expiresAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
};

const columns = sql.raw(`t.id, t.project_id as "projectId", t.type, t.status, t.input, t.result, t.message, t.image_id as "imageId", t.user_id as "userId",
  t.request_id as "requestId", t.expires_at as "expiresAt", t.created_at as "createdAt", t.updated_at as "updatedAt"`);

export type NewTask = Pick<Task, 'id' | 'projectId' | 'type' | 'input' | 'imageId' | 'userId' | 'requestId'>;

export async function insertTask(tx: Transaction, task: NewTask, now: Date): Promise<void> {
  await tx.run`
    insert into image.task (id, project_id, type, status, input, image_id, user_id, request_id, created_at, updated_at)
    values (${task.id}, ${task.projectId}, ${task.type}, 'pending', ${sql.json(task.input)}::jsonb, ${task.imageId}, ${task.userId}, ${task.requestId}, ${now}, ${now})`;
}

export function findTask(tx: Transaction, id: string): Promise<Task | undefined> {
  return tx.one<Task>`select ${columns} from image.task t where t.id = ${id}`;
}

export function listTasksOfImage(tx: Transaction, imageId: string): Promise<Task[]> {
  return tx.rows<Task>`select ${columns} from image.task t where t.image_id = ${imageId} order by t.created_at, t.id`;
}

export function setTaskStatus(tx: Transaction, id: string, { status, now }: { status: TaskStatus; now: Date }): Promise<number> {
  return tx.run`update image.task set status = ${status}, updated_at = ${now} where id = ${id} and status in ('pending', 'processing')`;
}

export function setTaskMessage(tx: Transaction, id: string, { message, now }: { message: string; now: Date }): Promise<number> {
  return tx.run`update image.task set message = ${message}, updated_at = ${now} where id = ${id} and status = 'processing'`;
}

export function endTask(tx: Transaction, id: string, end: { status: 'success' | 'failure'; message: string; result: Record<string, unknown> | null; expiresAt: Date; now: Date }): Promise<number> {
  const result = end.result === null ? sql`null` : sql`${sql.json(end.result)}::jsonb`;
  return tx.run`
    update image.task set status = ${end.status}, message = ${end.message}, result = ${result}, expires_at = ${end.expiresAt}, updated_at = ${end.now}
    where id = ${id} and status in ('pending', 'processing')`;
}

export function deleteExpiredTasks(tx: Transaction, now: Date): Promise<number> {
  return tx.run`delete from image.task where expires_at < ${now}`;
}

// Lists

const sortExpressions = {
  id: sql.raw('t.id'),
  type: sql.raw('t.type'),
  status: sql.raw('t.status'),
  created_at: sql.raw('t.created_at'),
  updated_at: sql.raw('t.updated_at'),
  expires_at: sql.raw(`coalesce(t.expires_at, 'infinity')`),
} as const;

export type TaskSortKey = keyof typeof sortExpressions;
export const taskSortKeys = Object.keys(sortExpressions) as TaskSortKey[];

export type TaskQuery = { limit: number; marker: string | undefined; sortKey: TaskSortKey; sortDirection: 'asc' | 'desc'; status: string | undefined; type: string | undefined };

export function listTasks(tx: Transaction, { limit, marker, sortKey, sortDirection, status, type }: TaskQuery): Promise<Task[]> {
  const [key, direction] = [sortExpressions[sortKey], sql.raw(sortDirection)];
  const conditions: Sql[] = [];
  if (status !== undefined) conditions.push(sql`t.status = ${status}`);
  if (type !== undefined) conditions.push(sql`t.type = ${type}`);
  if (marker !== undefined) conditions.push(sql`(${key}, t.id) ${sql.raw(sortDirection === 'asc' ? '>' : '<')} (select ${key}, t.id from image.task t where t.id = ${marker})`);
  return tx.rows<Task>`select ${columns} from image.task t where ${conditions.length === 0 ? sql.raw('true') : sql.and(conditions)} order by ${key} ${direction}, t.id ${direction} limit ${limit}`;
}
