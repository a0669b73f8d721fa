import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from './log.ts';
import { Secret } from './secret.ts';

test('the log is one line of JSON an entry, with the role, the level and the time', () => {
  const { log, lines } = record();

  log.info({ requestId: 'req-1' }, 'made');
  log.debug('not shown at this level');

  const [entry = {}, ...rest] = lines();
  assert.ok(!Number.isNaN(Date.parse(String(entry.time))));
  assert.equal(entry.level, 'info');
  assert.equal(entry.name, 'agent');
  assert.equal(entry.requestId, 'req-1');
  assert.equal(entry.msg, 'made');
  assert.deepEqual(rest, []);
});

const HIDDEN_PLACES: [string, object][] = [
  ['a token header', { headers: { 'X-Auth-Token': 'hunter2', accept: '*/*' } }],
  ['a password deep in a body', { body: { auth: { identity: { password: { user: { password: 'hunter2' } } } } } }],
  ['an admin password', { server: { adminPass: 'hunter2' } }],
  ['user data in a list', { servers: [{ user_data: 'hunter2' }, { userData: 'hunter2' }] }],
  ['a private key by name', { keypair: { private_key: 'hunter2' } }],
  ['a Secret under any name', { harmless: new Secret('hunter2') }],
  ['a secret carried by an error', Object.assign(new Error('refused'), { request: { token: 'hunter2' } })],
  ['a secret carried by an error in a field', { cause: Object.assign(new Error('refused'), { password: 'hunter2' }) }],
  ['a private key in text', { note: '-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----\n' }],
  ['half a private key in text', { note: '-----BEGIN PRIVATE KEY-----\nhunter2' }],
  ['a password in a URL', { database: 'postgres://cloud:hunter2@127.0.0.1/home' }],
];

for (const [place, entry] of HIDDEN_PLACES)
  test(`the log hides ${place}`, () => {
    const { log, text, lines } = record();

    log.error(entry, 'what happened');
    log.child({ entry }).info('and again');

    assert.ok(!text().includes('hunter2'), text());
    assert.match(text(), /\[secret\]/);
    assert.equal(lines().length, 2);
  });

test('the log hides a private key in a message, and shows the rest of it', () => {
  const { log, text } = record();

  log.error('cannot read -----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY----- of web');

  assert.match(text(), /cannot read \[secret\] of web/);
});

test('the log shows why an error happened', () => {
  const { log, lines } = record();

  log.error({ err: new Error('cannot boot', { cause: new Error('no memory') }) });

  assert.match(JSON.stringify(lines()[0]?.err), /cannot boot.*no memory/);
});

function record() {
  const written: string[] = [];
  const log = createLog({ name: 'agent', level: 'info', destination: { write: (line: string) => void written.push(line) } });
  return {
    log,
    text: () => written.join(''),
    lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}
