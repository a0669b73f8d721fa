import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { place, usualPolicy, type Candidate, type Policy, type Wish } from './placing.ts';

const wish: Wish = { vcpus: 2, memoryMiB: 2048, diskGiB: 10, count: 1, image: { sha256: 'aa', sizeGiB: 1 }, needs: [], flavor: 'm1.small', fixed: null };
const own: Candidate = {
  region: 'one',
  availabilityZone: 'nova',
  kind: 'own',
  labels: { country: 'DE' },
  capabilities: ['boot'],
  free: { vcpus: 8, memoryMiB: 8192, diskGiB: 100 },
  largest: { vcpus: 8, memoryMiB: 8192, diskGiB: 100 },
  hourly: 31_000_000n,
  currency: 'EUR',
  bookHash: 'h',
  images: ['aa'],
  outcomes: { succeeded: 0, failed: 0 },
};
const partner: Candidate = { ...own, region: 'theirs', kind: 'partner', labels: { country: 'FR' }, hourly: 13_000_000n };

test('own capacity is taken first, and the partner when it is full', () => {
  assert.equal(place(wish, usualPolicy, [partner, own]).chosen?.region, 'one');
  const full = { ...own, free: { ...own.free, vcpus: 1 } };
  const { chosen, verdicts } = place(wish, usualPolicy, [full, partner]);

  assert.equal(chosen?.region, 'theirs');
  assert.deepEqual(verdicts.at(-1)?.reasons, ['no room: 2 vCPUs of 1']);
});

test('a hard limit rejects with its reason, whatever the preferences say', () => {
  const policy: Policy = { ...usualPolicy, limits: { labels: { country: ['FR', 'ES'] } } };
  const { chosen, verdicts } = place(wish, policy, [own, partner]);

  assert.equal(chosen?.region, 'theirs');
  assert.deepEqual(verdicts.find(({ region }) => region === 'one')?.reasons, ['country is DE; the policy wants FR or ES']);
});

test('what a candidate was not seen to do is not asked of it', () => {
  const { chosen, verdicts } = place({ ...wish, needs: ['volume'] }, usualPolicy, [own]);

  assert.equal(chosen, null);
  assert.deepEqual(verdicts[0]?.reasons, ['it is not proved that volume works there']);
});

test('machines that did not come up count against a place, and a limit on that rejects it', () => {
  const bad = { ...partner, outcomes: { succeeded: 0, failed: 20 } };
  const good = { ...partner, region: 'others' };
  assert.equal(place(wish, usualPolicy, [bad, good]).chosen?.region, 'others');

  assert.equal(place(wish, { ...usualPolicy, limits: { reliabilityAtLeast: 0.5 } }, [bad]).chosen, null);
});

test('what is chosen always meets every limit, and the order of the candidates does not matter', () => {
  const candidates = fc.array(
    fc.record({ number: fc.nat(50), vcpus: fc.nat(16), price: fc.nat(1000), isOwn: fc.boolean(), country: fc.constantFrom('DE', 'FR', 'US'), failed: fc.nat(5) }),
    { minLength: 1, maxLength: 30 },
  );
  fc.assert(
    fc.property(candidates, fc.nat(4_000), fc.uniqueArray(fc.constantFrom<string>('DE', 'FR', 'US'), { minLength: 1 }), (given, most, countries) => {
      const all = given.map(({ number, vcpus, price, isOwn, country, failed }, index): Candidate => ({
        ...own,
        region: `r${number}-${index}`,
        kind: isOwn ? 'own' : 'partner',
        labels: { country },
        free: { ...own.free, vcpus },
        hourly: BigInt(price),
        outcomes: { succeeded: 0, failed },
      }));
      const policy: Policy = { ...usualPolicy, limits: { labels: { country: countries }, hourlyAtMost: BigInt(most) } };
      const { chosen, verdicts } = place(wish, policy, all);
      const fits = all.filter(({ labels, free, hourly }) => countries.includes(labels['country']!) && free.vcpus >= 2 && hourly <= BigInt(most));

      assert.equal(verdicts.length, all.length);
      assert.equal(verdicts.filter(({ verdict }) => verdict !== 'rejected').length, fits.length);
      assert.equal(chosen === null, fits.length === 0);
      if (chosen) assert.ok(fits.some(({ region }) => region === chosen.region));
      assert.ok(verdicts.every(({ verdict, reasons }) => (verdict === 'rejected') === reasons.length > 0));
      assert.deepEqual(place(wish, policy, all.toReversed()).verdicts, verdicts);
    }),
  );
});
