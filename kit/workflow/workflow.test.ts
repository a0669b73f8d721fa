import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test, { type TestContext } from 'node:test';
import { manualClock, seededRandom, systemClock, systemRandom } from '../clock.ts';
import { sql, type Database } from '../postgres/database.ts';
import { testDatabase } from '../postgres/testing.ts';
import { createEngine, type EngineOptions } from './engine.ts';
import type { FaultPoint } from './execution.ts';
import { createWorkflows, findRun, overdue, retryStuck, running, stuck } from './runs.ts';
import { claimRuns, freeOrphans } from './store.ts';
import { Abandoned, schedule, step, workflow, type Run } from './workflow.ts';

// A shop that sells one chair a room: every step leaves something in the world, and its undo takes it away.

type Order = { chair: string; room: string };
type Found = { chairId: string; roomId: string };
type World = { things: Map<string, string>; log: string[]; hook: (what: string, run: OrderRun) => Promise<void> | void };
type OrderRun = Run<Order, Found, World>;

const order = workflow('order', [
  step('fetch a chair', fetchChair, returnChair),
  step('book a room', bookRoom, leaveRoom),
  step('paint it', paint),
  step('say so', announce, retract),
], {
  deadlineSeconds: 60,
  async onFailed(tx, run, failure) {
    await tx.run`insert into shop.note (subject, text) values (${run.subject}, ${`failed to ${failure.step}: ${failure.message}`})`;
  },
});

const clean = workflow('clean', [step('take all away', takeAllAway)], { deadlineSeconds: 60 });

const workflows = createWorkflows({ clock: systemClock, random: systemRandom });
const system = { kind: 'system', reason: 'test' } as const;

test('the steps of a workflow run in order, and each sees what those before have found out', async (t) => {
  const { engine, database, world, start } = await startShop(t);

  const { id } = await start('subject');
  await engine.idle();

  assert.deepEqual(world.log, ['fetch a chair', 'book a room', 'paint it', 'say so']);
  assert.deepEqual(await notes(database), ['chair:red in room:12']);
  assert.equal((await find(database, id))?.status, 'done');
});

test('a workflow whose start is rolled back never runs', async (t) => {
  const { engine, database, world } = await startShop(t);

  const attempt = database.transaction(system, async (tx) => {
    await workflows.start(tx, order, { subject: 'subject', input: { chair: 'red', room: '12' } });
    throw new Error('changed my mind');
  });

  await assert.rejects(attempt, { message: 'changed my mind' });
  await engine.idle();
  assert.deepEqual(world.log, []);
});

test('a step that fails for good is undone together with those before it, in reverse', async (t) => {
  const { engine, database, world, start } = await startShop(t);
  world.hook = (what) => {
    if (what === 'paint it') throw Object.assign(new Error('no paint'), { retryable: false, kind: 'missing' });
  };

  const { id } = await start('subject');
  await engine.idle();

  assert.deepEqual(world.log, ['fetch a chair', 'book a room', 'paint it', 'leave the room', 'return the chair']);
  assert.deepEqual([...world.things], []);
  assert.deepEqual(await notes(database), ['failed to paint it: no paint']);
  const run = await find(database, id);
  assert.equal(run?.status, 'failed');
  assert.deepEqual(run?.failure, { step: 'paint it', name: 'Error', message: 'no paint', kind: 'missing' });
});

test('a step that fails in passing is tried again after a pause, and only then', async (t) => {
  const clock = manualClock(new Date());
  const { engine, world, start } = await startShop(t, { clock });
  let failures = 2;
  world.hook = (what) => {
    if (what === 'book a room' && failures-- > 0) throw new Error('the phone is busy');
  };

  await start('subject');
  await engine.idle();
  assert.deepEqual(world.log, ['fetch a chair', 'book a room']);

  for (let tries = 0; tries < 2; tries++) {
    clock.advance(1_000);
    await engine.idle();
  }
  assert.deepEqual(world.log, ['fetch a chair', 'book a room', 'book a room', 'book a room', 'paint it', 'say so']);
});

test('a workflow that is late is undone, and its step is told', async (t) => {
  const clock = manualClock(new Date());
  const { engine, database, world, start } = await startShop(t, { clock });
  const reached = Promise.withResolvers<void>();
  world.hook = async (what, { signal }) => {
    if (what !== 'paint it') return;
    reached.resolve();
    await once(signal, 'abort');
    throw signal.reason;
  };

  const { id } = await start('subject', clock);
  await reached.promise;
  clock.advance(61_000);
  assert.deepEqual((await database.read(system, (tx) => overdue(tx, { now: clock.now() }))).map((run) => run.id), [id]);
  await engine.idle();

  assert.deepEqual([...world.things], []);
  assert.deepEqual(await notes(database), ['failed to paint it: The deadline passed']);
});

test('an undo that never succeeds is given up where people can see it, and can be taken up again', async (t) => {
  const clock = manualClock(new Date());
  const { engine, database, world, start } = await startShop(t, { clock });
  let locked = true;
  world.hook = (what) => {
    if (what === 'paint it') throw Object.assign(new Error('no paint'), { retryable: false });
    if (what === 'leave the room' && locked) throw new Error('the door is locked');
  };

  const { id } = await start('subject');
  for (let tries = 0; tries < 12; tries++) {
    await engine.idle();
    clock.advance(60_000);
  }
  assert.deepEqual((await database.read(system, stuck)).map((run) => run.id), [id]);

  locked = false;
  await database.transaction(system, (tx) => retryStuck(tx, id, { now: clock.now() }));
  await engine.idle();
  assert.equal((await find(database, id))?.status, 'failed');
  assert.deepEqual([...world.things], []);
});

for (const { name } of order.steps)
  for (const phase of ['before', 'after-effect', 'before-record', 'after-record'] as const) {
    test(`a crash ${phase} of "${name}" repeats at most that step and loses nothing`, async (t) => {
      const fault = failOnce(({ step, phase: at }) => step === name && at === phase, () => new Abandoned('crash'));
      const { engine, database, world, start } = await startShop(t, { faults: fault.check });

      const { id } = await start('subject');
      await engine.idle();

      assert.equal(fault.happened(), true);
      assert.equal((await find(database, id))?.status, 'done');
      assert.deepEqual(await notes(database), ['chair:red in room:12']);
      assert.deepEqual([...new Set(world.log)], order.steps.map((each) => each.name));
      const repeated = phase === 'after-effect' || phase === 'before-record' ? 2 : 1;
      assert.equal(world.log.filter((each) => each === name).length, repeated);
    });

    if (phase !== 'after-record')
      test(`failing ${phase} of "${name}" leaves nothing behind`, async (t) => {
        const final = () => Object.assign(new Error('seeded'), { retryable: false });
        const fault = failOnce(({ step, phase: at }) => step === name && at === phase, final);
        const { engine, database, world, start } = await startShop(t, { faults: fault.check });

        const { id } = await start('subject');
        await engine.idle();

        assert.equal((await find(database, id))?.status, 'failed');
        assert.deepEqual([...world.things], []);
        assert.deepEqual(await notes(database), [`failed to ${name}: seeded`]);
      });
  }

test('a crash while undoing goes on undoing', async (t) => {
  const fault = failOnce(({ step, phase }) => step === 'book a room' && phase === 'undo', () => new Abandoned('crash'));
  const { engine, world, start } = await startShop(t, { faults: fault.check });
  world.hook = (what) => {
    if (what === 'say so') throw Object.assign(new Error('no voice'), { retryable: false });
  };

  await start('subject');
  await engine.idle();

  assert.equal(fault.happened(), true);
  assert.deepEqual([...world.things], []);
});

test('runs of one subject take turns, and those of others do not wait', async (t) => {
  const { engine, world, start } = await startShop(t);
  const gate = Promise.withResolvers<void>();
  const elsewhere = Promise.withResolvers<void>();
  let inside = 0;
  world.hook = async (what, { subject }) => {
    if (subject === 'b' && what === 'say so') elsewhere.resolve();
    if (subject !== 'a') return;
    assert.equal(++inside, 1);
    await gate.promise;
    inside--;
  };

  await Promise.all([start('a'), start('a'), start('a'), start('b')]);
  await elsewhere.promise;
  gate.resolve();
  await engine.idle();

  assert.equal(world.log.filter((each) => each === 'say so').length, 4);
});

test('a successor ends the run before it without undoing, and runs when it has let go', async (t) => {
  const { engine, database, world, start } = await startShop(t);
  const reached = Promise.withResolvers<void>();
  world.hook = async (what, { signal }) => {
    if (what !== 'book a room') return;
    reached.resolve();
    await once(signal, 'abort');
    throw signal.reason;
  };

  const { id } = await start('subject');
  const queued = await start('subject');
  await reached.promise;
  const successor = await database.transaction(system, (tx) =>
    workflows.supersede(tx, clean, { subject: 'subject', input: { chair: 'red', room: '12' } }),
  );
  await engine.idle();

  assert.deepEqual(world.log, ['fetch a chair', 'book a room', 'take all away']);
  assert.deepEqual([...world.things], []);
  assert.equal((await find(database, id))?.status, 'superseded');
  assert.equal((await find(database, queued.id))?.status, 'superseded');
  assert.equal((await find(database, successor.id))?.status, 'done');
  assert.deepEqual(await database.read(system, (tx) => running(tx, 'subject')), []);
});

test('a successor does not wait for the pause between two attempts', async (t) => {
  const clock = manualClock(new Date());
  const { engine, database, world, start } = await startShop(t, { clock });
  world.hook = (what) => {
    if (what === 'book a room') throw new Error('the phone is busy');
  };

  await start('subject');
  await engine.idle();
  await database.transaction(system, (tx) =>
    createWorkflows({ clock, random: systemRandom }).supersede(tx, clean, { subject: 'subject', input: { chair: 'red', room: '12' } }),
  );
  await engine.idle();

  assert.deepEqual([...world.things], []);
});

test('a zombie whose run was claimed by another can write nothing (FAILURES 39)', async (t) => {
  const { engine, database, world, start } = await startShop(t);
  const frozen = Promise.withResolvers<void>();
  const thaw = Promise.withResolvers<void>();
  let first = true;
  world.hook = async (what) => {
    if (what !== 'book a room' || !first) return;
    first = false;
    frozen.resolve();
    await thaw.promise;
  };

  const { id } = await start('subject');
  await frozen.promise;
  // As after a pause of more than the lease: another process frees the run and claims it.
  await database.transaction(system, (tx) => tx.run`update kit.workflow_run set lease_until = now() - interval '1 s'`);
  const second = createEngine({ ...engineOptions(database, world), services: world });
  await second.start();
  t.after(() => second.stop());
  await until(async () => (await find(database, id))?.status === 'done');
  thaw.resolve();
  await engine.idle();

  assert.deepEqual(world.log, ['fetch a chair', 'book a room', 'book a room', 'paint it', 'say so']);
  assert.deepEqual(await notes(database), ['chair:red in room:12']);
  assert.equal((await find(database, id))?.status, 'done');
});

test('another process goes on within a second when the owner of a run is killed', async (t) => {
  const { engine, database, world, start, target } = await startShop(t, { started: false });
  const child = spawn(process.execPath, [new URL('takeover.child.ts', import.meta.url).pathname, JSON.stringify(target)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const { id } = await start('subject');
  await until(async () => (await find(database, id))?.step === 1);

  await engine.start();
  const lines = child.stdout.setEncoding('utf8');
  if (!lines.readableLength) await once(lines, 'readable');
  // This engine has looked around when it has done something else, and has left to the living what is theirs.
  const other = await database.transaction(system, (tx) =>
    workflows.start(tx, clean, { subject: 'another', input: { chair: 'red', room: '12' } }),
  );
  await until(async () => (await find(database, other.id))?.status === 'done');
  assert.deepEqual(world.log, ['take all away']);
  child.kill('SIGKILL');
  const killedAt = performance.now();
  await until(async () => (await find(database, id))?.status === 'done');

  const tookMs = performance.now() - killedAt;
  t.diagnostic(`taken over and finished ${Math.round(tookMs)} ms after the kill`);
  assert.ok(tookMs < 1_000, `it took ${tookMs} ms`);
  assert.deepEqual(world.log, ['take all away', 'book a room', 'paint it', 'say so']);
});

test('a step whose process dies many times in a row is given up, and until then has all its attempts', async (t) => {
  const clock = manualClock(new Date());
  const { engine, database, world, start } = await startShop(t, { clock, started: false });
  const [doomed, spared] = [await start('doomed'), await start('spared')];
  const names = [order.name];
  for (let deaths = 0; deaths < 20; deaths++)
    await database.transaction(system, async (tx) => {
      // Owners whose process ended hold no lock.
      const claimed = await claimRuns(tx, { owner: 1000 + deaths, now: clock.now(), workflows: names, limit: deaths < 19 ? 2 : 1 });
      assert.ok(claimed.some(({ id }) => id === doomed.id));
      await freeOrphans(tx, { owner: 1, now: clock.now(), active: [] });
    });
  let failures = 4;
  world.hook = (what, { subject }) => {
    if (what === 'fetch a chair' && subject === 'spared' && failures-- > 0) throw new Error('the van broke down');
  };

  await engine.start();
  for (let tries = 0; tries < 5; tries++) {
    await engine.idle();
    clock.advance(5_000);
  }

  assert.equal((await find(database, spared.id))?.status, 'done');
  assert.deepEqual((await find(database, doomed.id))?.failure, { step: 'fetch a chair', name: 'Error', message: 'Its process ended in this step again and again' });
  assert.deepEqual(await notes(database), ['chair:red in room:12', 'failed to fetch a chair: Its process ended in this step again and again']);
});

const cheap = workflow('cheap', [step('fetch a chair', fetchChair, returnChair), step('paint it', paint, undefined, { isCheap: true }), step('book a room', bookRoom, leaveRoom)], { deadlineSeconds: 60 });

test('a cheap step is recorded with the next one: whatever its process dies of before that, it is done again, and nothing is left of what fails', async (t) => {
  const { database, world, engine, startCheap } = await startCheapShop(t, failOnce(({ step, phase }) => step === 'paint it' && phase === 'after-record', () => new Abandoned('crash')).check);
  const recordedSteps: (number | undefined)[] = [];
  world.hook = async (what, { id }) => {
    if (what === 'book a room') recordedSteps.push((await find(database, id))?.step);
  };

  const { id } = await startCheap();
  await engine.idle();

  assert.deepEqual(world.log, ['fetch a chair', 'paint it', 'paint it', 'book a room']);
  assert.deepEqual(recordedSteps, [1]);
  const { status, step: at } = (await find(database, id))!;
  assert.deepEqual({ status, at }, { status: 'done', at: 3 });
});

test('what comes behind a cheap step is undone too when its process may have begun it', async (t) => {
  const { world, engine, startCheap } = await startCheapShop(t);
  let tries = 0;
  world.hook = (what) => {
    if (what === 'book a room') throw new Abandoned('crash');
    if (what === 'paint it' && tries++ > 0) throw Object.assign(new Error('no paint'), { retryable: false });
  };

  await startCheap();
  await engine.idle();

  assert.deepEqual(world.log, ['fetch a chair', 'paint it', 'book a room', 'paint it', 'leave the room', 'return the chair']);
  assert.deepEqual([...world.things], []);
});

async function startCheapShop(t: TestContext, faults?: (point: FaultPoint) => void) {
  const shop = await startShop(t, { workflows: [cheap], ...(faults ? { faults } : {}) });
  return { ...shop, startCheap: () => shop.database.transaction(system, (tx) => workflows.start(tx, cheap, { subject: 'subject', input: { chair: 'red', room: '12' } })) };
}

test('a process that ends hands its runs over between two steps', async (t) => {
  const { engine, database, world, start } = await startShop(t);
  const reached = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  world.hook = async (what) => {
    if (what !== 'book a room') return;
    reached.resolve();
    await goOn.promise;
  };

  const { id } = await start('subject');
  await reached.promise;
  const stopped = engine.stop();
  goOn.resolve();
  await stopped;

  const run = await find(database, id);
  assert.deepEqual([run?.status, run?.step], ['waiting', 2]);
});

test('a schedule comes back after its pause, in one process at a time, also when it fails', async (t) => {
  const clock = manualClock(new Date());
  let runs = 0;
  let inside = 0;
  const sweep = schedule('sweep', {
    everyMs: 60_000,
    async run() {
      assert.equal(++inside, 1);
      runs++;
      inside--;
      throw new Error('dust');
    },
  });
  const { engine, database, world } = await startShop(t, { clock, schedules: [sweep] });
  const second = createEngine({ ...engineOptions(database, world), clock, schedules: [sweep] });
  await second.start();
  t.after(() => second.stop());

  for (let minutes = 0; minutes < 3; minutes++) {
    await Promise.all([engine.idle(), second.idle()]);
    assert.equal(runs, minutes + 1);
    clock.advance(60_000);
  }
});

test('no more runs at once than were allowed', async (t) => {
  const { engine, world, start } = await startShop(t, { concurrency: 3 });
  let inside = 0;
  let most = 0;
  world.hook = async () => {
    most = Math.max(most, ++inside);
    await new Promise(setImmediate);
    inside--;
  };

  await Promise.all(Array.from({ length: 20 }, (_, index) => start(`subject ${index}`)));
  await engine.idle();

  assert.equal(world.log.length, 80);
  assert.equal(most, 3);
});

// The shop

async function fetchChair(run: OrderRun): Promise<void> {
  const chairId = `chair:${run.input.chair}`;
  await happen('fetch a chair', run);
  run.services.things.set(chairId, run.subject);
  await run.commit(async () => ({ chairId }));
}

async function returnChair(run: OrderRun): Promise<void> {
  await happen('return the chair', run);
  run.services.things.delete(`chair:${run.input.chair}`);
}

async function bookRoom(run: OrderRun): Promise<void> {
  const roomId = `room:${run.input.room}`;
  await happen('book a room', run);
  run.services.things.set(roomId, run.subject);
  await run.commit(async () => ({ roomId }));
}

async function leaveRoom(run: OrderRun): Promise<void> {
  await happen('leave the room', run);
  run.services.things.delete(`room:${run.input.room}`);
}

async function paint(run: OrderRun): Promise<void> {
  await happen('paint it', run);
}

async function announce(run: OrderRun): Promise<void> {
  await happen('say so', run);
  const { chairId, roomId } = run.state;
  await run.commit(async (tx) => {
    await tx.run`insert into shop.note (subject, text) values (${run.subject}, ${`${chairId} in ${roomId}`})`;
  });
}

async function retract(run: OrderRun): Promise<void> {
  await run.commit(async (tx) => {
    await tx.run`delete from shop.note where subject = ${run.subject}`;
  });
}

async function takeAllAway(run: OrderRun): Promise<void> {
  await happen('take all away', run);
  run.services.things.clear();
}

async function happen(what: string, run: OrderRun): Promise<void> {
  run.services.log.push(what);
  await run.services.hook(what, run);
}

type ShopOptions = Partial<EngineOptions<World>> & { started?: boolean };

async function startShop(t: TestContext, { started = true, ...options }: ShopOptions = {}) {
  const { database, target } = await testDatabase(t);
  await database.transaction(system, (tx) => tx.script('create schema shop; create table shop.note (subject text, text text)'));
  const world: World = { things: new Map(), log: [], hook: () => {} };
  const engine = createEngine({ ...engineOptions(database, world), ...options });
  if (started) await engine.start();
  t.after(() => engine.stop());
  const start = (subject: string, clock = options.clock ?? systemClock) =>
    database.transaction(system, (tx) =>
      createWorkflows({ clock, random: systemRandom }).start(tx, order, { subject, input: { chair: 'red', room: '12' } }),
    );
  return { engine, database, world, start, target };
}

function engineOptions(database: Database, world: World): EngineOptions<World> {
  return { database, clock: systemClock, random: seededRandom(1), workflows: [order, clean], services: world };
}

function find(database: Database, id: string) {
  return database.read(system, (tx) => findRun(tx, id));
}

async function notes(database: Database): Promise<string[]> {
  const rows = await database.read(system, (tx) => tx.rows<{ text: string }>(sql`select text from shop.note order by text`));
  return rows.map(({ text }) => text);
}

function failOnce(matches: (point: FaultPoint) => boolean, makeError: () => Error) {
  let happened = false;
  return {
    happened: () => happened,
    check(point: FaultPoint) {
      if (happened || !matches(point)) return;
      happened = true;
      throw makeError();
    },
  };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) if (performance.now() > deadline) throw new Error('It did not come true in time');
}
