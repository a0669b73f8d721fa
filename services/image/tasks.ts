/** Tasks: what is being done for images, and how it ended. */
import { badRequest, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { getImage } from './images.ts';
import { deleteExpiredTasks, endTask, findTask, insertTask, listTasks as listRows, listTasksOfImage, setTaskStatus, type NewTask, type Task, type TaskQuery } from './tasks.store.ts';

export type { Task } from './tasks.store.ts';

/** glance/common/config.py, task_time_to_live: 48 hours. */
const keptMs = 48 * 3600_000;

export async function createTask({ tx, now, random, requestId, caller }: Context, wish: Pick<NewTask, 'type' | 'imageId' | 'projectId'> & { input: object }): Promise<Task> {
  const id = random.uuid();
  await insertTask(tx, { ...wish, input: wish.input as Record<string, unknown>, id, userId: caller.userId, requestId }, now);
  return (await findTask(tx, id))!;
}

export function beginTask(tx: Transaction, id: string, now: Date): Promise<number> {
  return setTaskStatus(tx, id, { status: 'processing', now });
}

export function succeedTask(tx: Transaction, id: string, { result, now }: { result: Record<string, unknown>; now: Date }): Promise<number> {
  return endTask(tx, id, { status: 'success', message: '', result, expiresAt: new Date(now.getTime() + keptMs), now });
}

export function failTask(tx: Transaction, id: string, { message, now }: { message: string; now: Date }): Promise<number> {
  return endTask(tx, id, { status: 'failure', message, result: null, expiresAt: new Date(now.getTime() + keptMs), now });
}

export async function getTask({ tx }: Pick<Context, 'tx'>, id: string): Promise<Task> {
  const task = await findTask(tx, id);
  if (!task) throw notFound(`Task with the given id ${id} was not found`, 'HTTPNotFound');
  return task;
}

export async function listTasks(context: Context, query: TaskQuery): Promise<Task[]> {
  if (query.marker !== undefined && !(await findTask(context.tx, query.marker))) throw badRequest(`Task with the given id ${query.marker} was not found`);
  return listRows(context.tx, query);
}

export async function tasksOfImage(context: Context, imageId: string): Promise<Task[]> {
  await getImage(context, imageId);
  return listTasksOfImage(context.tx, imageId);
}

export const forgetTasks = deleteExpiredTasks;
