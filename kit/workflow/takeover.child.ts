/** The process that workflow.test.ts kills: it does the first step, reaches the second, and stays there. */
import { systemClock, systemRandom } from '../clock.ts';
import { openDatabase } from '../postgres/database.ts';
import { createEngine } from './engine.ts';
import { step, workflow, type Run } from './workflow.ts';

type Found = { chairId: string };

const order = workflow('order', [step('fetch a chair', fetchChair), step('book a room', stay)], { deadlineSeconds: 60 });

const target: { host: string; port: number; user: string; database: string } = JSON.parse(process.argv[2]!);
const database = openDatabase({ ...target, applicationName: 'child' });
const engine = createEngine({ database, clock: systemClock, random: systemRandom, workflows: [order], services: {} });
await engine.start();

async function fetchChair(run: Run<{ chair: string }, Found>): Promise<void> {
  await run.commit(async () => ({ chairId: `chair:${run.input.chair}` }));
}

async function stay(): Promise<void> {
  process.stdout.write('in the second step\n');
  // Never resolves, and the timer keeps the process alive.
  await new Promise(() => setInterval(() => {}, 1_000));
}
