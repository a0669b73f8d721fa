/** Starting the volumes' workflows, for callers that hold a transaction and nothing else. */
import { createHash } from 'node:crypto';
import type { Transaction } from '../../kit/postgres/database.ts';
import { createWorkflows, type Wish, type Workflows } from '../../kit/workflow/runs.ts';
import type { InputOf, SomeWorkflow } from '../../kit/workflow/workflow.ts';

export type Starting = { tx: Transaction; now: Date; requestId?: string | undefined };

/**
 * One run for each generation of a thing: its id is made from them, so that whoever starts it a second
 * time is refused by the primary key.
 */
export async function startWork<W extends SomeWorkflow>({ tx, now, requestId }: Starting, workflow: W, wish: Omit<Wish<InputOf<W>>, 'requestId'> & { generation: number; supersede?: boolean }): Promise<void> {
  const { generation, supersede = false, ...rest } = wish;
  const id = derivedId(`${workflow.name} ${wish.subject} ${generation}`);
  const workflows: Workflows = createWorkflows({ clock: { now: () => now, after: () => Promise.reject(new Error('There is no waiting in a transaction')) }, random: { uuid: () => id, bytes: (count) => Buffer.alloc(count) } });
  await workflows[supersede ? 'supersede' : 'start'](tx, workflow, { ...rest, requestId });
}

function derivedId(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
