/** What is used of one cloud by another is counted by both, and compared by what they say to each other alone: also when one lies, or somebody stands between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemRandom } from '../../kit/clock.ts';
import { makeSigningKey, signDocument, signingKeyOf, type Plain, type Signed } from '../../kit/signed.ts';
import { compared, lie, openBooks, settled } from '../../test/two-clouds-counting.ts';
import { answering, startTwoClouds, type Link, type TwoClouds } from '../../test/two-clouds.ts';

const hourMs = 3_600_000;

/** A new hour, in which a machine is there for half of it. Resolves to the hour, and what the machine is called here and there. */
async function useForHalfAnHour({ ours, boot, servers, pass, settle, there }: TwoClouds): Promise<{ hour: Date; server: string; remote: { id: string; project: string } }> {
  await pass(62 - (Math.floor(ours.clock.now().getTime() / 60_000) % 60));
  const hour = new Date(Math.floor(ours.clock.now().getTime() / hourMs) * hourMs);
  const server = await boot('web');
  assert.equal((await servers.show({ params: { server_id: server } })).body.server.status, 'ACTIVE');
  const [remote] = await there();
  await pass(30);
  await servers.delete({ params: { server_id: server } });
  await settle();
  await pass(35);
  return { hour, server, remote: remote! };
}

/** Everything straight but the sums of hours, which are answered so. */
const whereHours = (answer: (signed: Signed, hour: string) => Signed): Link => async (request, send) => {
  const reply = await send();
  const hour = request.method === 'GET' && reply.statusCode === 200 ? /\/hours\/([^/?]+)$/.exec(request.url)?.[1] : undefined;
  return hour === undefined ? reply : answering(reply, JSON.stringify(answer(JSON.parse(reply.payload) as Signed, decodeURIComponent(hour))));
};

test('two clouds whose clocks are ten minutes apart count by themselves, and a lie, a replay and a forgery get nowhere and are named (ATTACKS 47)', { timeout: 300_000 }, async (t) => {
  const clouds = await startTwoClouds(t, { aheadMinutes: 10 });
  const { theirs, tell, trouble, pass, agreementId } = clouds;
  const accounts = await openBooks(clouds);
  const first: { hour?: Date; signed?: Signed } = {};

  await t.test('what both have counted is accepted, told and worth the same in both, to the last cent', async () => {
    trouble(whereHours((signed, hour) => {
      if (hour === first.hour?.toISOString()) first.signed = signed;
      return signed;
    }));
    const used = await useForHalfAnHour(clouds);
    first.hour = used.hour;
    await tell();

    assert.deepEqual(await compared(clouds, used.hour), { failure: null, matched: true, told: true, disputes: [] });
    const { here, there } = await settled(clouds, accounts, used.hour);
    assert.equal(here, there);
    // The provider's figure is within ten minutes for each of its two ends.
    assert.ok(Number(here) > 0.2 && Number(here) < 1.1, here);
  });

  await t.test('a statement of another hour is taken for none', async () => {
    trouble(whereHours((signed, hour) => (hour === first.hour!.toISOString() ? signed : first.signed!)));
    const { hour } = await useForHalfAnHour(clouds);
    await tell();

    const replayed = await compared(clouds, hour);
    assert.deepEqual([replayed.matched, replayed.disputes], [false, []]);
    assert.match(replayed.failure ?? '', /^them, .*It is a statement of between and /);

    trouble(undefined);
    await pass(5);
    await tell();
    assert.deepEqual(await compared(clouds, hour), { failure: null, matched: true, told: true, disputes: [] });
  });

  await t.test('what was changed on the way, or signed by somebody else, is not theirs', async () => {
    const stranger = signingKeyOf(makeSigningKey(systemRandom));
    const dated = (signed: Signed) => ({ issuedAt: new Date(signed.issuedAt), expiresAt: new Date(signed.expiresAt) });
    const more = ({ document }: Signed) => JSON.parse(JSON.stringify(document).replaceAll(/"unit_ms":"(\d)/g, '"unit_ms":"9$1')) as Plain;
    const { hour } = await (async () => {
      trouble(whereHours((signed) => ({ ...signed, document: more(signed) })));
      const used = await useForHalfAnHour(clouds);
      await tell();
      return used;
    })();
    const forged = await compared(clouds, hour);
    assert.deepEqual([forged.matched, forged.disputes], [false, []]);
    assert.match(forged.failure ?? '', /^them, .*not a statement of them: forged/);

    trouble(whereHours((signed) => signDocument(more(signed), stranger, dated(signed))));
    await pass(5);
    await tell();
    const signed = await compared(clouds, hour);
    assert.equal(signed.matched, false);
    assert.match(signed.failure ?? '', /not a statement of them: unknown key/);

    // Who is somebody else there sees no agreement, and signs for nobody.
    const params = { agreement_id: agreementId };
    await assert.rejects(theirs.bob.metering.statements.show({ params: { ...params, hour: first.hour!.toISOString() } }), { status: 404 });
    await assert.rejects(theirs.bob.metering.statements.accept({ params: { ...params, hour: first.hour!.toISOString() }, body: { ...first.signed!, document: { agreement: agreementId, hour: first.hour!.toISOString(), revision: 1, level: 'accepted', rows: [], disputes: [] } } }), { status: 404 });
    await assert.rejects(theirs.bob.metering.agreements.addKeys({ params, body: { keys: [{ id: stranger.id, public_key: makeSigningKey(systemRandom).publicKey }] } }), { status: 404 });
    trouble(undefined);
    await pass(5);
    await tell();
    assert.deepEqual((await compared(clouds, hour)).failure, null);
  });

  await t.test('who claims more than there was is contradicted by the events, is paid what both have counted, and cannot take it back unseen', async () => {
    const { hour, server, remote } = await useForHalfAnHour(clouds);
    await tell();
    const honest = await settled(clouds, accounts, hour);
    await lie(clouds, hour, remote);
    await pass(5);
    await tell();

    const { failure, disputes } = await compared(clouds, hour);
    assert.equal(failure, null);
    assert.deepEqual(disputes.map((each) => [each.kind, each.resource_id, each.peer_resource_id]), [['duration', server, remote.id]]);
    assert.ok(disputes[0]!.own_events.length >= 1 && disputes[0]!.peer_events.length >= 1, JSON.stringify(disputes));
    const { here, there } = await settled(clouds, accounts, hour);
    assert.equal(here, there);
    assert.ok(Number(here) <= Number(honest.here) + 0.5, `${here} after the lie, ${honest.here} before it`);
    // The provider has been told of it, by the name that the thing has there.
    assert.deepEqual((await theirs.admin.metering.disputes.list()).body.disputes.filter((each) => each.hour === hour.toISOString()).map((each) => [each.kind, each.resource_id]), [['duration', remote.id]]);
  });
  assert.deepEqual([...(await clouds.ours.diagnose()), ...(await theirs.diagnose()), ...(await clouds.partner.diagnose())], []);
});

test('a cloud that counts nothing for us is watched, and what it shows of its machines is compared with our own count', { timeout: 300_000 }, async (t) => {
  const clouds = await startTwoClouds(t, { counted: false, toleranceSeconds: 60 });
  const { tell, trouble } = clouds;

  const { hour } = await useForHalfAnHour(clouds);
  await tell();
  const honest = await compared(clouds, hour);
  assert.deepEqual([honest.failure, honest.matched, honest.disputes], [null, true, []]);

  // It shows its machines as if they were there still.
  trouble(async (request, send) => {
    const reply = await send();
    return request.url.includes('/os-simple-tenant-usage/') ? answering(reply, reply.payload.replaceAll(/"ended_at":"[^"]*"/g, '"ended_at":null')) : reply;
  });
  const lied = await useForHalfAnHour(clouds);
  await tell();
  const { failure, disputes } = await compared(clouds, lied.hour);
  assert.equal(failure, null);
  const about = disputes.filter(({ resource_id: id }) => id === lied.server);
  assert.deepEqual(about.map((each) => [each.kind, each.peer_resource_id, each.own_events.length > 0]), [['duration', lied.remote.id, true]], JSON.stringify(disputes));
});
