/**
 * From what is observed to what is recorded. Pure: the sum of the records of a thing is exactly the time between its
 * first and its last observation, whatever came in between.
 */
import type { Measured, MeteredResource, Observation } from './observations.ts';

export type Running = {
  resource: MeteredResource;
  resourceId: string;
  projectId: string;
  state: string;
  measured: Measured;
  began: Date;
  meteredUntil: Date;
};

export type NewRecord = {
  resource: MeteredResource;
  resourceId: string;
  projectId: string;
  measured: Measured;
  previous: string | null;
  current: string | null;
  from: Date;
  /** Before `from` when time is taken back that an hour's end had already counted. */
  until: Date;
  eventId: number | null;
};

export type Step = { running: Running | undefined; records: NewRecord[] };

export const hourMs = 3_600_000;

/** What follows from one more observation of a thing of which this is known. */
export function observed(before: Running | undefined, observation: Observation): Step {
  const { resource, resourceId, projectId, state, measured, at, eventId } = observation;
  if (before === undefined) {
    if (state === null) return { running: undefined, records: [] };
    const record = { resource, resourceId, projectId, measured, previous: null, current: state, from: at, until: at, eventId };
    return { running: { resource, resourceId, projectId, state, measured, began: at, meteredUntil: at }, records: [record] };
  }
  if (projectId !== before.projectId && state !== null) return handedOver(before, observation);
  if (state === before.state && isSame(measured, before.measured)) return { running: before, records: [] };
  // Clocks of two processes differ a little: nothing ends before it began.
  const until = later(at, before.began);
  const records = closing(before, { until, current: state, eventId });
  return { running: state === null ? undefined : { ...before, state, measured, began: until, meteredUntil: until }, records };
}

/** What lasts is recorded up to here, so that an hour can be counted before it is over. */
export function lasting(before: Running, until: Date): Step {
  if (until <= before.meteredUntil) return { running: before, records: [] };
  return { running: { ...before, meteredUntil: until }, records: closing(before, { until, current: before.state, eventId: null }) };
}

/** To the old project it is gone, to the new one it begins. */
function handedOver(before: Running, observation: Observation): Step {
  const at = later(observation.at, before.began);
  const ended = closing(before, { until: at, current: null, eventId: observation.eventId });
  const begun = observed(undefined, { ...observation, at });
  return { running: begun.running, records: [...ended, ...begun.records] };
}

/** One record for each hour, so that each belongs to one; at least one, because the change of state is told by it. */
function closing({ resource, resourceId, projectId, state, measured, meteredUntil }: Running, { until, current, eventId }: { until: Date; current: string | null; eventId: number | null }): NewRecord[] {
  // Nearly all end in the hour in which they began.
  if (hourOf(meteredUntil) === hourOf(until)) return [{ resource, resourceId, projectId, measured, previous: state, current, from: meteredUntil, until, eventId }];
  const about = { resource, resourceId, projectId, measured, previous: state };
  const moments = between(meteredUntil, until);
  return moments.slice(1).map((moment, index) => {
    const isLast = index === moments.length - 2;
    return { ...about, current: isLast ? current : state, from: moments[index]!, until: moment, eventId: isLast ? eventId : null };
  });
}

function later(one: Date, other: Date): Date {
  return one < other ? other : one;
}

function hourOf(moment: Date): number {
  return Math.floor(moment.getTime() / hourMs);
}

/** From one to the other, either way, with every full hour on the way. */
function between(from: Date, until: Date): Date[] {
  const [early, late] = from <= until ? [from, until] : [until, from];
  const moments = [early];
  for (let hour = (Math.floor(early.getTime() / hourMs) + 1) * hourMs; hour < late.getTime(); hour += hourMs) moments.push(new Date(hour));
  moments.push(late);
  return from <= until ? moments : moments.toReversed();
}

function isSame(one: Measured, other: Measured): boolean {
  if (one === other) return true;
  const names = Object.keys(one.measures);
  return one.flavor === other.flavor && names.length === Object.keys(other.measures).length && names.every((name) => one.measures[name] === other.measures[name]);
}
