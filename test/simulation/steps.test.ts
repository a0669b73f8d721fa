/** Each step of each workflow is failed and killed in turn: all of it settles, nothing is left behind, and nothing is counted that is not there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FaultPoint } from '../../kit/workflow/execution.ts';
import { Abandoned } from '../../kit/workflow/workflow.ts';
import { startCloud, type TestCloud } from '../cloud.ts';
import { thingsOf, type ThingName, type Things } from '../things.ts';
import { causes, clearUp, type Cause } from './causes.ts';

/** What a driver's final refusal looks like to the engine. */
class Injected extends Error {
  override name = 'Injected';
  readonly retryable: boolean;

  constructor(retryable: boolean) {
    super('This fails because the test says so');
    this.retryable = retryable;
  }
}

type Blow = { title: string; phase: FaultPoint['phase']; error: () => Error; once: boolean; undoToo?: boolean };

const blows: Blow[] = [
  { title: 'fails for good before it does anything', phase: 'before', error: () => new Injected(false), once: false },
  { title: 'fails for good after it has done its work', phase: 'after-effect', error: () => new Injected(false), once: false },
  { title: 'fails once after it has done its work', phase: 'after-effect', error: () => new Injected(true), once: true },
  { title: 'dies before it is recorded', phase: 'before-record', error: () => new Abandoned('killed'), once: true },
  { title: 'dies after it was recorded', phase: 'after-record', error: () => new Abandoned('killed'), once: true },
  { title: 'fails for good, and undoing it fails once', phase: 'after-effect', error: () => new Injected(false), once: false, undoToo: true },
];

/** What is being broken; the engine asks at every point. */
type Aim = { workflow: string; step: string; blow: Blow; hits: number; undoHits: number };

const kept: readonly ThingName[] = ['network', 'subnet', 'flavor', 'larger flavor'];

test('whatever step of a workflow fails or dies, all settles and nothing is left behind', async (t) => {
  let aim: Aim | undefined;
  const workflowFaults = (point: FaultPoint) => {
    if (aim?.workflow !== point.workflow || aim.step !== point.step) return;
    if (point.phase === 'undo' && aim.blow.undoToo === true && aim.undoHits++ === 0) throw new Injected(true);
    if (point.phase === aim.blow.phase && (!aim.blow.once || aim.hits === 0)) {
      aim.hits += 1;
      throw aim.blow.error();
    }
  };
  let world = await makeWorld();
  const workflows = world.cloud.cloud.regionMade.flatMap((made) => made.workflows);
  assert.ok(workflows.length > 10, `only ${workflows.length} workflows were seen`);
  assert.deepEqual(Object.keys(causes).sort(), workflows.map(({ name }) => name).sort(), 'test/simulation/causes.ts says for each workflow how a user causes it');

  const only = process.env['TEST_WORKFLOW'];
  for (const { name, steps } of workflows.filter((each) => only === undefined || each.name === only))
    for (const step of steps)
      for (const blow of blows) {
        if (blow.undoToo === true && step.undo === undefined) continue;
        await t.test(`${name}: "${step.name}" ${blow.title}`, async () => {
          try {
            await tryCase(world, causes[name]!, { workflow: name, step: step.name, blow, hits: 0, undoHits: 0 });
          } catch (error) {
            // What it left behind must not be taken for the next one's.
            await world.end();
            world = await makeWorld();
            throw error;
          } finally {
            aim = undefined;
          }
        });
      }
  await world.end();

  async function makeWorld(): Promise<World> {
    const endings: (() => Promise<void>)[] = [];
    const cloud = await startCloud({ after: (work) => void endings.push(work) }, { workflowFaults });
    const things = thingsOf(cloud);
    for (const each of kept) await things.get(each);
    // A project's default group is made when it is first looked for, and stays.
    await cloud.alice.network.securityGroups.list();
    await cloud.settle();
    return {
      cloud,
      things,
      async end() {
        // An ending may add another, to come last.
        for (let ending = endings.shift(); ending !== undefined; ending = endings.shift()) await ending();
      },
    };
  }

  async function tryCase({ cloud, things: common }: World, cause: Cause, wanted: Aim): Promise<void> {
    const before = await cloud.leftovers(cloud.alice.projectId);
    const things = await withKept(cloud, common);
    await cause.prepare(cloud, things);
    await cloud.settle();

    aim = wanted;
    await cause.act(cloud.alice, things);
    await cloud.settle();
    aim = undefined;

    assert.ok(wanted.hits > 0, 'the step was never reached');
    if (wanted.blow.undoToo === true) assert.ok(wanted.undoHits > 1, 'it was never undone');
    assert.deepEqual(await cloud.diagnose(), []);
    await clearUp(cloud, cloud.alice);
    assert.deepEqual(await cloud.diagnose(), []);
    assert.deepEqual(await cloud.leftovers(cloud.alice.projectId), before);
  }
});

type World = { cloud: TestCloud; things: Things; end(): Promise<void> };

async function withKept(cloud: TestCloud, common: Things): Promise<Things> {
  const known: Partial<Record<ThingName, string>> = {};
  for (const each of kept) known[each] = await common.get(each);
  return thingsOf(cloud, { known });
}
