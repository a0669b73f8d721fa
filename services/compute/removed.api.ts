import { removed as contract } from '../../contract/compute/removed.ts';
import { Fault } from '../../kit/fault.ts';
import { implement, type Handlers } from '../../kit/http/implement.ts';

export const removed = implement(contract, Object.fromEntries(Object.keys(contract).map((name) => [name, sayGone])) as Handlers<typeof contract>);

async function sayGone(): Promise<never> {
  throw new Fault(410, 'gone', 'This resource is no longer available. No forwarding address is given.');
}
