/** The door of usage. */
import { usage as contract } from '../../contract/intercloud/metering/usage.ts';
import { implement } from '../../kit/http/implement.ts';
import { getOwnRegion } from '../federation/regions.ts';
import { expectedNext, listUsage, listUsageRecords, takeUsage, type DomainsOf } from './usage.ts';

export function usage({ domainsOf }: { domainsOf: DomainsOf }) {
  return implement(contract, {
    async next(request) {
      const { name } = await getOwnRegion(request, request.params.region);
      return { next: await expectedNext(request.tx, name) };
    },
    async put(request) {
      const { name } = await getOwnRegion(request, request.params.region);
      return { next: await takeUsage(request.tx, { region: name, batch: request.body, now: request.now, domainsOf }) };
    },
    async list(request) {
      const { rows, next } = await listUsage(request, request.query);
      const usage = rows.map(({ hour, region, projectId, resource, flavor, state, durationMs, measures }) => ({
        hour: hour.toISOString(),
        region,
        project_id: projectId,
        resource: resource as 'server',
        flavor,
        state,
        seconds: seconds(BigInt(durationMs)),
        measures: Object.fromEntries(Object.entries(measures).map(([name, each]) => [name, seconds(BigInt(durationMs) * BigInt(each))])),
      }));
      return { usage, next };
    },
    async records(request) {
      const { rows, next } = await listUsageRecords(request, request.query);
      const records = rows.map(({ region, sequence, eventId, resource, resourceId, projectId, flavor, measures, previous, current, from, until }) => ({
        region,
        sequence,
        event: eventId,
        resource: resource as 'server',
        resource_id: resourceId,
        project_id: projectId,
        flavor,
        measures,
        previous,
        current,
        from: from.toISOString(),
        until: until.toISOString(),
        seconds: seconds(BigInt(until.getTime() - from.getTime())),
      }));
      return { records, next };
    },
  });
}

/** Milliseconds as seconds, exactly. */
function seconds(ms: bigint): string {
  const [sign, size] = ms < 0n ? ['-', -ms] : ['', ms];
  const rest = String(size % 1000n).padStart(3, '0').replace(/0+$/, '');
  return `${sign}${size / 1000n}${rest === '' ? '' : `.${rest}`}`;
}
