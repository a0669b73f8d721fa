/** What labels have counted, told as it goes on: neutron/services/metering/agents/metering_agent.py. */
import { DriverError, type Driver } from '../../drivers/driver.ts';
import type { Clock } from '../../kit/clock.ts';
import { emit } from '../../kit/events/events.ts';
import type { Database } from '../../kit/postgres/database.ts';
import { allRules, countedRouters, isAnythingCounted, putReadings, selectReadings } from './metering.store.ts';
import { projectionScope } from './projection.ts';
import { counterName, isCounted } from './traffic-counters.ts';

/** Tells of each label what it has counted since the last time. */
export async function tellTraffic({ driver, database, clock }: { driver: Pick<Driver, 'networks'>; database: Database; clock: Clock }): Promise<void> {
  if (!(await database.read(projectionScope, isAnythingCounted))) return;
  // An agent of the version before does not know the question.
  const traffic = await driver.networks.traffic().catch((error: unknown) => {
    if (error instanceof DriverError && error.kind === 'invalid') return [];
    throw error;
  });
  const now = clock.now();
  await database.transaction(projectionScope, async (tx) => {
    const [before, rules, routers] = await Promise.all([selectReadings(tx), allRules(tx), countedRouters(tx, [...new Set(traffic.map(({ routerId }) => routerId))])]);
    const last = new Map(before.map((reading) => [`${reading.router_id} ${reading.host_id} ${reading.counter}`, reading]));
    const projectOf = new Map(routers.map((router) => [router.id, router.project_id]));
    const labels = new Map<string, { project_id: string; shared: boolean; rules: typeof rules }>();
    for (const rule of rules) {
      const label = labels.get(rule.metering_label_id) ?? { project_id: rule.project_id, shared: rule.shared, rules: [] };
      label.rules.push(rule);
      labels.set(rule.metering_label_id, label);
    }
    const sums = new Map<string, { pkts: number; bytes: number; since: Date }>();
    const readings = traffic.map(({ routerId, hostId, packets, bytes, ...counter }) => ({ counter, reading: { router_id: routerId, counter: counterName(counter), host_id: hostId, packets, bytes } }));
    for (const { counter, reading } of readings) {
      const seen = last.get(`${reading.router_id} ${reading.host_id} ${reading.counter}`);
      // One that was made anew has begun anew.
      const goesOn = seen !== undefined && seen.packets <= reading.packets && seen.bytes <= reading.bytes;
      const [pkts, bytes] = goesOn ? [reading.packets - seen.packets, reading.bytes - seen.bytes] : [reading.packets, reading.bytes];
      if (pkts === 0) continue;
      for (const [id, label] of labels) {
        if ((!label.shared && label.project_id !== projectOf.get(reading.router_id)) || !isCounted(counter, label.rules)) continue;
        const sum = sums.get(id) ?? { pkts: 0, bytes: 0, since: seen?.read_at ?? now };
        sums.set(id, { pkts: sum.pkts + pkts, bytes: sum.bytes + bytes, since: sum.since });
      }
    }
    await putReadings(tx, readings.map(({ reading }) => reading), now);
    for (const [id, { pkts, bytes, since }] of sums) {
      const projectId = labels.get(id)!.project_id;
      const payload = { label_id: id, project_id: projectId, tenant_id: projectId, pkts, bytes, time: Math.round((now.getTime() - since.getTime()) / 1000), first_update: inSeconds(since), last_update: inSeconds(now) };
      await emit(tx, clock, { type: 'l3.meter', resource: 'metering_label', resourceId: id, projectId, payload });
    }
  });
}

const inSeconds = (at: Date) => Math.floor(at.getTime() / 1000);
