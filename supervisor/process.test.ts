import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createLog } from '../kit/log.ts';
import { manageProcess, restartDelayMs, type ManagedProcess } from './process.ts';

test('a process that ends is started again with what it was told, and is stopped in order', async (t) => {
  const { managed, said } = manage(t, `
    process.on('message', ({ secrets }) => { say('told ' + secrets.word); process.send({ ready: true }); });
    process.on('SIGTERM', () => { say('stopped'); process.exit(0); });`);
  await managed.start();
  const first = managed.state().pid!;

  process.kill(first, 'SIGKILL');
  await until(() => managed.state().state === 'ready' && managed.state().pid !== first);
  await managed.stop();

  assert.deepEqual(said(), ['told open', 'told open', 'stopped']);
  const { pid, state, restarts } = managed.state();
  assert.deepEqual({ pid, state, restarts }, { pid: null, state: 'stopped', restarts: 1 });
});

test('a process that hangs before it is ready is ended, and gets its next chance', async (t) => {
  const { managed, said } = manage(t, `
    say('started');
    if (words().length > 1) process.send({ ready: true });
    setInterval(() => {}, 60_000);`);

  await assert.rejects(managed.start(), /was not ready in 1 s/);
  await until(() => managed.state().state === 'ready');

  assert.deepEqual(said(), ['started', 'started']);
  await managed.stop();
});

test('a program that cannot be started is tried again, and can be stopped meanwhile', async (t) => {
  const { managed } = manage(t, '', '/nonexistent/node');

  await assert.rejects(managed.start(), /Cannot start it/);
  await until(() => managed.state().restarts > 1);
  await managed.stop();

  assert.equal(managed.state().state, 'stopped');
});

test('what ends again and again is started ever later, and at once when it had run well', () => {
  const delays = [50];
  for (let times = 0; times < 9; times++) delays.push(restartDelayMs(delays.at(-1)!, new Date()));

  assert.deepEqual(delays, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
  assert.equal(restartDelayMs(5000, new Date(Date.now() - 11_000)), 50);
});

/** A process that runs this script; `said` is what it has said in all its lives. */
function manage(t: TestContext, script: string, node = process.execPath): { managed: ManagedProcess; said(): string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'ic-process-'));
  const [program, words] = [join(folder, 'program.mjs'), join(folder, 'words')];
  writeFileSync(words, '');
  writeFileSync(program, `
    import { appendFileSync, readFileSync } from 'node:fs';
    const say = (word) => appendFileSync(${JSON.stringify(words)}, word + '\\n');
    const words = () => readFileSync(${JSON.stringify(words)}, 'utf8').split('\\n').filter(Boolean);
    ${script}`);
  const managed = manageProcess({ name: 'it', command: [node], args: [program], logFile: join(folder, 'log'), secrets: { word: 'open' }, log: createLog({ name: 'test', level: 'silent' }), readyWithinMs: 1_000 });
  t.after(async () => {
    await managed.stop();
    rmSync(folder, { recursive: true });
  });
  return { managed, said: () => readFileSync(words, 'utf8').split('\n').filter(Boolean) };
}

async function until(wished: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!wished()) {
    assert.ok(performance.now() < deadline, 'it did not come to pass');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
