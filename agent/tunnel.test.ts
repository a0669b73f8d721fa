/** The connection over which a host is called. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { duplexPair, Transform } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { calledEnd, callingEnd } from './tunnel.ts';

test('a host goes on when a caller has gone before it was heard', { timeout: 30_000 }, async (t) => {
  const wire = heldWire();
  const tunnel = callingEnd(wire.calling);
  calledEnd(wire.called, (connection) => void connection.pipe(connection));
  t.after(() => tunnel.close());
  const isThere = async () => {
    const stream = tunnel.open();
    stream.write('are you there?');
    assert.equal(String((await once(stream, 'data'))[0]), 'are you there?');
  };
  await isThere();

  wire.hold();
  const gone = tunnel.open();
  gone.on('error', () => undefined);
  for (let turns = 0; turns < 5; turns++) await turn();
  gone.destroy();
  for (let turns = 0; turns < 5; turns++) await turn();
  wire.letGo();

  await isThere();
});

test('an end that had no turn for seconds does not take that for the silence of the other', { timeout: 30_000 }, async (t) => {
  const [calling, called] = duplexPair();
  const tunnel = callingEnd(calling);
  const other = calledEnd(called, (connection) => void connection.pipe(connection));
  t.after(() => tunnel.close());
  let isGone = false;
  for (const { closed } of [tunnel, other]) void closed.then(() => (isGone = true));

  // As a machine does that is busy with something else.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_000);

  const stream = tunnel.open();
  stream.on('error', () => undefined);
  stream.write('are you there?');
  assert.equal(String((await once(stream, 'data'))[0]), 'are you there?');
  assert.equal(isGone, false);
});

/** What is said to the called end while it is held comes in one piece. */
function heldWire() {
  const [calling, near] = duplexPair();
  const [far, called] = duplexPair();
  let held: Buffer[] | undefined;
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (held) held.push(chunk);
      else this.push(chunk);
      done();
    },
  });
  near.pipe(through).pipe(far).pipe(near);
  return {
    calling,
    called,
    hold: () => void (held = []),
    letGo() {
      through.push(Buffer.concat(held ?? []));
      held = undefined;
    },
  };
}
