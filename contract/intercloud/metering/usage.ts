/** What was used: records as regions send them, and their sums by hour. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Id, Moment, Name } from '../native.ts';

const exactly = <P extends Parameters<typeof Type.Object>[0]>(properties: P) => Type.Object(properties, { additionalProperties: false });

export const measuredResources = ['server', 'volume', 'volume_snapshot', 'volume_backup', 'image', 'floatingip', 'container'] as const;
export const MeasuredResource = Type.Enum([...measuredResources]);

/** `{ servers: 1, vcpus: 2, memoryMiB: 2048 }`: how much of each there is while it is so. */
export const Measures = Type.Record(Type.String({ pattern: '^[A-Za-z]{1,32}$' }), Type.Integer({ minimum: 0, maximum: 2 ** 40 }), { maxProperties: 16 });

/** Many records measure the same: it is said once and named by its place in the list. */
export const Shape = exactly({ resource: MeasuredResource, flavor: Type.String({ maxLength: 255 }), measures: Measures });

export const UsageRecord = exactly({
  resource_id: Id,
  project_id: Id,
  shape: Type.Integer({ minimum: 0, maximum: 9_999, description: 'The place in `shapes` of what was metered' }),
  previous: Type.Union([Type.String({ maxLength: 64 }), Type.Null()], { description: 'The state that lasted from `from` until `until`; null: it begins to exist' }),
  current: Type.Union([Type.String({ maxLength: 64 }), Type.Null()], { description: 'The state from `until` on; null: it is gone' }),
  from: Moment,
  until: Type.String({ format: 'date-time', description: 'Of the same hour. Before `from`: so much is taken back' }),
  event: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], { description: "The number of the region's event; null: an hour ended" }),
});

const Batch = exactly({
  first: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER - 10_000, description: 'The number of the first record; the others follow without a gap' }),
  through: Type.Union([Moment, Type.Null()], { description: 'With these records all is told of what was until then' }),
  shapes: Type.Array(Shape, { maxItems: 10_000 }),
  records: Type.Array(UsageRecord, { maxItems: 10_000 }),
});

const access = (verb: string, who: 'service' | 'reader') => ({ rule: `intercloud:metering:${verb}`, who, ...(who === 'reader' ? { adminEverywhere: true } : {}) }) as const;

const period = {
  from: Type.Optional(Type.String({ format: 'date-time', description: 'The first hour; the current month without' })),
  until: Type.Optional(Type.String({ format: 'date-time', description: 'The hour after the last' })),
  project_id: Type.Optional(Type.String({ maxLength: 64, description: "For administrators; the caller's own project without" })),
  resource: Type.Optional(MeasuredResource),
  region: Type.Optional(Name),
};

export const usage = operations({
  next: {
    method: 'GET',
    path: '/regions/{region}/usage',
    summary: 'Show which record is expected next of a region',
    access: access('expect', 'service'),
    stability: 'stable',
    status: 200,
    response: exactly({ next: Type.Integer() }),
  },
  put: {
    method: 'PUT',
    path: '/regions/{region}/usage',
    summary: 'Take the records of a region; those that were taken before count once, and a gap is refused',
    access: access('report', 'service'),
    stability: 'stable',
    body: Batch,
    maxBodyBytes: 8 * 1024 * 1024,
    status: 200,
    response: exactly({ next: Type.Integer({ description: 'The number of the record that is expected next' }) }),
  },
  list: {
    method: 'GET',
    path: '/usage',
    summary: "A project's usage by the hour",
    access: access('list', 'reader'),
    stability: 'stable',
    query: exactly({ ...period, limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })), marker: Type.Optional(Type.String({ maxLength: 255 })) }),
    status: 200,
    response: exactly({
      usage: Type.Array(
        exactly({
          hour: Moment,
          region: Type.String(),
          project_id: Type.String(),
          resource: MeasuredResource,
          flavor: Type.String(),
          state: Type.String(),
          seconds: Type.String({ description: 'How long things of this kind were in this state, in all; a decimal' }),
          measures: Type.Record(Type.String(), Type.String(), { description: 'Each measure times seconds; decimals' }),
        }),
      ),
      next: Type.Union([Type.String(), Type.Null()], { description: 'The marker of the next page' }),
    }),
    list: { after: {}, byItself: true },
  },
  records: {
    method: 'GET',
    path: '/usage/records',
    summary: "A project's records, of one thing or of all, in the order in which they were taken",
    access: access('records', 'reader'),
    stability: 'stable',
    query: exactly({ ...period, resource_id: Type.Optional(Id), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })), marker: Type.Optional(Type.String({ maxLength: 400 })) }),
    status: 200,
    response: exactly({
      records: Type.Array(
        exactly({
          region: Type.String(),
          sequence: Type.Integer(),
          event: Type.Union([Type.Integer(), Type.Null()]),
          resource: MeasuredResource,
          resource_id: Type.String(),
          project_id: Type.String(),
          flavor: Type.String(),
          measures: Measures,
          previous: Type.Union([Type.String(), Type.Null()]),
          current: Type.Union([Type.String(), Type.Null()]),
          from: Moment,
          until: Moment,
          seconds: Type.String(),
        }),
      ),
      next: Type.Union([Type.String(), Type.Null()]),
    }),
    list: { after: {}, byItself: true },
  },
});
