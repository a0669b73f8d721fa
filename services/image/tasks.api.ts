/** The door of tasks. */
import { tasks as contract, taskStatuses } from '../../contract/image/tasks.ts';
import { badRequest } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import { seconds } from './images.api.ts';
import { importFromAddress } from './imports.ts';
import { getTask, listTasks, tasksOfImage, type Task } from './tasks.ts';
import { taskSortKeys, type TaskQuery, type TaskSortKey } from './tasks.store.ts';

export function tasks(parts: RegionParts) {
  return implement(contract, {
    async list(request) {
      const query = readQuery(request.query);
      const found = await listTasks(request, query);
      const asked = new URLSearchParams(Object.entries(request.query));
      asked.delete('marker');
      const first = asked.size === 0 ? '/v2/tasks' : `/v2/tasks?${asked}`;
      const body = { tasks: found.map(stub), first, schema: '/v2/schemas/tasks' };
      const last = found.at(-1);
      if (last === undefined || found.length < query.limit) return body;
      asked.set('marker', last.id);
      return new Answer({ ...body, next: `/v2/tasks?${asked}` }, { next: request.page({ marker: last.id }) });
    },

    async create(request) {
      const { type, input } = request.body;
      if (type !== 'import') throw badRequest(`Tasks of type ${type} are made by imports themselves.`);
      const task = await importFromAddress(request, parts, input);
      return new Answer(shown(task), { headers: { location: `/v2/tasks/${task.id}` } });
    },

    show: async (request) => shown(await getTask(request, request.params.task_id)),

    ofImage: async (request) => ({ tasks: (await tasksOfImage(request, request.params.image_id)).map(ofImage) }),
  });
}

function stub({ id, type, status, projectId, createdAt, updatedAt, expiresAt }: Task) {
  return {
    id,
    type,
    status,
    owner: projectId,
    created_at: seconds(createdAt),
    updated_at: seconds(updatedAt),
    ...(expiresAt === null ? {} : { expires_at: seconds(expiresAt) }),
    self: `/v2/tasks/${id}`,
    schema: '/v2/schemas/task',
  };
}

function shown(task: Task) {
  const { input, result, message, imageId, requestId, userId } = task;
  return { ...stub(task), input, result, message, ...(imageId === null ? {} : { image_id: imageId }), ...(requestId === null ? {} : { request_id: requestId }), user_id: userId };
}

function ofImage({ id, type, status, projectId, input, result, message, imageId, userId, requestId, expiresAt, createdAt, updatedAt }: Task) {
  return {
    id,
    type,
    status,
    owner: projectId,
    input,
    result,
    message,
    image_id: imageId ?? '',
    user_id: userId,
    request_id: requestId,
    expires_at: expiresAt === null ? null : micros(expiresAt),
    created_at: micros(createdAt),
    updated_at: micros(updatedAt),
    deleted: false as const,
    deleted_at: null,
  };
}

/** As Python writes a time of the database. */
function micros(at: Date): string {
  return `${at.toISOString().slice(0, 23)}000`;
}

function readQuery(query: { limit?: string; marker?: string; sort_key?: string; sort_dir?: string; status?: string; type?: string }): TaskQuery {
  const { limit, marker, sort_key: sortKey = 'created_at', sort_dir: sortDirection = 'desc', status, type } = query;
  if (sortDirection !== 'asc' && sortDirection !== 'desc') throw badRequest(`Invalid sort direction: ${sortDirection}`);
  if (!isSortKey(sortKey)) throw badRequest(`Unable to sort by ${sortKey}`);
  if (status !== undefined && !(taskStatuses as readonly string[]).includes(status)) throw badRequest(`Invalid status value: ${status}`);
  if (type !== undefined && type !== 'import') throw badRequest(`Invalid type value: ${type}`);
  if (marker !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(marker)) throw badRequest('Invalid marker format');
  if (limit !== undefined && !/^-?\d{1,15}$/.test(limit)) throw badRequest('limit param must be an integer');
  if (Number(limit) < 0) throw badRequest('limit param must be positive');
  return { limit: limit === undefined ? 25 : Math.min(Number(limit), 1000), marker, sortKey, sortDirection, status, type };
}

function isSortKey(key: string): key is TaskSortKey {
  return (taskSortKeys as string[]).includes(key);
}
