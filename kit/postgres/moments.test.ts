import assert from 'node:assert/strict';
import test from 'node:test';
import { types } from 'pg';
import { parseMoment } from './moments.ts';

test('a moment is read as by the usual way, whatever it is', () => {
  const usual = types.getTypeParser(types.builtins.TIMESTAMPTZ, 'text') as (text: string) => unknown;
  const texts = [
    '2026-05-01 10:00:00+00', '2026-05-01 10:00:00.1+00', '2026-05-01 10:00:00.12+00', '2026-12-31 23:59:59.123+00', '2026-02-28 00:00:00.123456+00', '1999-01-01 01:02:03.000009+00',
    '1969-12-31 23:59:59.999+00', '2026-05-01 10:00:00+02', '2026-05-01 10:00:00.123456+05:30', '12026-05-01 10:00:00+00', '0044-03-15 12:00:00+00 BC', '0044-03-15 12:00:00+00', '-infinity', 'infinity',
  ];

  for (const text of texts) assert.deepEqual(parseMoment(text), usual(text), text);
});
