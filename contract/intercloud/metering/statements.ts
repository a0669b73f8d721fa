/** What one cloud says to another that it has counted: signed, by the hour, and as fine as it is asked for. */
import { Type } from 'typebox';
import { Measures, MeasuredResource } from './usage.ts';
import { Moment } from '../native.ts';

const exactly = <P extends Parameters<typeof Type.Object>[0]>(properties: P) => Type.Object(properties, { additionalProperties: false });

const UnitMs = Type.String({ pattern: '^-?(0|[1-9][0-9]{0,24})$', description: 'Units of the measure times milliseconds' });
/** Of the cloud that says it; of servers alone, whose sizes both clouds know. */
const Flavor = Type.Optional(Type.String({ maxLength: 255 }));
const head = { agreement: Type.String({ minLength: 1, maxLength: 64 }), hour: Moment, revision: Type.Integer({ minimum: 1, maximum: 1_000_000 }) };

/** Sums of an hour. `project` and `resource_id` are those of the cloud that says it. */
export const HourDocument = exactly({
  ...head,
  level: Type.Literal('hour'),
  book_hash: Type.String({ maxLength: 64, description: 'Of the book by which the provider will bill it; empty without one' }),
  rows: Type.Array(exactly({ project: Type.String({ maxLength: 64 }), resource: MeasuredResource, flavor: Flavor, measure: Type.String({ maxLength: 32 }), unit_ms: UnitMs }), { maxItems: 100_000 }),
});

/** One sum of an hour, thing by thing. */
export const ResourceDocument = exactly({
  ...head,
  level: Type.Literal('resource'),
  project: Type.String({ maxLength: 64 }),
  resource: MeasuredResource,
  rows: Type.Array(exactly({ resource_id: Type.String({ maxLength: 64 }), flavor: Flavor, measure: Type.String({ maxLength: 32 }), unit_ms: UnitMs }), { maxItems: 100_000 }),
});

/** One thing in an hour, interval by interval. */
export const EventDocument = exactly({
  ...head,
  level: Type.Literal('event'),
  resource: MeasuredResource,
  resource_id: Type.String({ maxLength: 64 }),
  rows: Type.Array(
    exactly({
      event: Type.Union([Type.String({ maxLength: 64 }), Type.Null()], { description: 'By which its cloud knows the change; null: the hour ended' }),
      state: Type.String({ maxLength: 64 }),
      from: Moment,
      until: Moment,
      flavor: Flavor,
      measures: Measures,
    }),
    { maxItems: 10_000 },
  ),
});

/** What the consumer takes for used in this hour: what is in dispute is in it as far as both say it. */
export const AcceptedDocument = exactly({
  ...head,
  level: Type.Literal('accepted'),
  rows: HourDocument.properties.rows,
  disputes: Type.Array(exactly({ id: Type.String({ maxLength: 64 }), kind: Type.String({ maxLength: 32 }), resource_id: Type.Union([Type.String({ maxLength: 64 }), Type.Null()]) }), { maxItems: 10_000 }),
});

const seal = { issuedAt: Moment, expiresAt: Moment, key: Type.String({ minLength: 1, maxLength: 64 }), signature: Type.String({ minLength: 1, maxLength: 128 }) };
export const SignedHour = exactly({ document: HourDocument, ...seal });
export const SignedAccepted = exactly({ document: AcceptedDocument, ...seal });
export const SignedStatement = exactly({ document: Type.Union([HourDocument, ResourceDocument, EventDocument]), ...seal });
