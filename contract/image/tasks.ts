/** What imports are doing, and what came of them: glance/api/v2/tasks.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';

const closed = { additionalProperties: false };
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);
export const taskTypes = ['import', 'api_image_import', 'location_import'] as const;
export const taskStatuses = ['pending', 'processing', 'success', 'failure'] as const;

const Anything = Type.Record(Type.String(), Type.Unknown());

const stub = {
  id: Type.String(),
  type: Type.Enum([...taskTypes]),
  status: Type.Enum([...taskStatuses]),
  owner: Type.String(),
  created_at: Type.String(),
  updated_at: Type.String(),
  expires_at: Type.Optional(Type.String()),
  self: Type.String(),
  schema: Type.String(),
};

export const Task = Type.Object(
  {
    ...stub,
    input: Anything,
    result: orNull(Anything),
    message: Type.String(),
    image_id: Type.Optional(Type.String()),
    request_id: Type.Optional(Type.String()),
    user_id: Type.Optional(Type.String()),
  },
  closed,
);
export const TaskStub = Type.Object(stub, closed);

/** As the database of Glance has it: glance/db/sqlalchemy/api.py, _task_format. */
const TaskOfImage = Type.Object(
  {
    id: Type.String(),
    type: Type.Enum([...taskTypes]),
    status: Type.Enum([...taskStatuses]),
    owner: Type.String(),
    input: Anything,
    result: orNull(Anything),
    message: Type.String(),
    image_id: Type.String(),
    user_id: Type.String(),
    request_id: orNull(Type.String()),
    expires_at: orNull(Type.String()),
    created_at: Type.String(),
    updated_at: Type.String(),
    deleted: Type.Literal(false),
    deleted_at: Type.Null(),
  },
  closed,
);

export const tasks = operations({
  list: {
    method: 'GET',
    path: '/tasks',
    summary: 'List tasks',
    access: { rule: 'tasks_api_access', who: 'admin' },
    stability: 'deprecated',
    query: Type.Object({
      limit: Type.Optional(Type.String()),
      marker: Type.Optional(Type.String()),
      sort_key: Type.Optional(Type.String()),
      sort_dir: Type.Optional(Type.String()),
      status: Type.Optional(Type.String()),
      type: Type.Optional(Type.String()),
    }),
    status: 200,
    response: Type.Object({ tasks: Type.Array(TaskStub), first: Type.String(), next: Type.Optional(Type.String()), schema: Type.String() }, closed),
  },
  create: {
    method: 'POST',
    path: '/tasks',
    summary: 'Make an image of the bytes at an address',
    access: { rule: 'tasks_api_access', who: 'admin' },
    stability: 'deprecated',
    body: Type.Object({ type: Type.Enum([...taskTypes]), input: Anything }, closed),
    status: 201,
    response: Task,
  },
  show: {
    method: 'GET',
    path: '/tasks/{task_id}',
    summary: 'Show a task',
    access: { rule: 'tasks_api_access', who: 'admin' },
    stability: 'deprecated',
    status: 200,
    response: Task,
  },
  ofImage: {
    method: 'GET',
    path: '/images/{image_id}/tasks',
    summary: 'List the tasks that concern an image',
    access: { rule: 'get_image', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    status: 200,
    response: Type.Object({ tasks: Type.Array(TaskOfImage) }, closed),
  },
});
