/** What is used of one cloud by another is counted by both, and compared by what they say to each other alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metering } from '../../contract/intercloud/metering.ts';
import { startTwoClouds, type TwoClouds } from '../../test/two-clouds.ts';

const hourMs = 3_600_000;

/** An hour in which a machine was there for half an hour, told and compared. */
async function useForHalfAnHour(clouds: TwoClouds): Promise<void> {
  const { ours, boot, servers, pass, tell } = clouds;
  await pass(62 - (Math.floor(ours.clock.now().getTime() / 60_000) % 60));
  const server_id = await boot('web');
  assert.equal((await servers.show({ params: { server_id } })).body.server.status, 'ACTIVE');
  await pass(30);
  await servers.delete({ params: { server_id } });
  await pass(35);
  await tell();
}

async function compared({ ours, agreementId }: TwoClouds) {
  const params = { agreement_id: agreementId };
  const { agreements, statements, disputes } = ours.admin.client(metering);
  return {
    asked: (await agreements.show({ params })).body.asked,
    hours: (await statements.list({ params, query: { from: new Date(ours.clock.now().getTime() - 3 * hourMs).toISOString() } })).body.hours,
    disputes: (await disputes.list()).body.disputes,
  };
}

test('two clouds count the same by themselves, and what both accept is in both', { timeout: 120_000 }, async (t) => {
  const clouds = await startTwoClouds(t);

  await useForHalfAnHour(clouds);

  const { asked, hours, disputes } = await compared(clouds);
  assert.deepEqual([asked?.failure, disputes], [null, []]);
  t.diagnostic(JSON.stringify(hours));
  assert.ok(hours.length > 0 && hours.every(({ matched_at: at, told }) => at !== null && told), JSON.stringify(hours));
});
