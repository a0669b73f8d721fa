/** A peer that is another Intercloud: asked by its own contract, and believed only what it has signed and what is a statement at all. */
import type { Client } from '../../contract/client.ts';
import type { metering } from '../../contract/intercloud/metering.ts';
import { SignedHour, SignedStatement } from '../../contract/intercloud/metering/statements.ts';
import type { Clock } from '../../kit/clock.ts';
import { checker, type Check } from '../../kit/http/schema.ts';
import { judge, type Plain, type Signed } from '../../kit/signed.ts';
import type { Agreement, EventStatement, HourStatement, Peer, ResourceStatement } from './agreements.ts';

type Asking = { client: Client<typeof metering>; agreement: Pick<Agreement, 'id' | 'peer' | 'keys'>; clock: Pick<Clock, 'now'> };

/** What comes from the peer's address proves nothing: it is not signed by the peer, or no statement of what was asked. */
export class Unsound extends Error {
  override name = 'Unsound';
}

const isHour = checker(SignedHour);
const isStatement = checker(SignedStatement);

/** Its statement of an hour, as it signed it: for `takeStatement`. */
export async function askHour({ client, agreement }: Asking, hour: Date): Promise<Signed<Plain>> {
  const { body } = await client.statements.show({ params: { agreement_id: agreement.id, hour: hour.toISOString() } });
  return sound(agreement, isHour, body);
}

/** The same of an hour that may be under way. */
export async function askToState({ client, agreement }: Asking, hour: Date): Promise<Signed<Plain>> {
  const { body } = await client.statements.state({ params: { agreement_id: agreement.id, hour: hour.toISOString() } });
  return sound(agreement, isHour, body);
}

/** `revision`: of the statement that is asked about. */
export function remotePeer(asking: Asking, hour: Date, revision: number): Peer {
  return {
    async resources({ project, resource }) {
      const document = await askFiner(asking, { hour, revision }, { level: 'resource', project, resource });
      if (document.level !== 'resource' || document.project !== project || document.resource !== resource) throw new Unsound(`${asking.agreement.peer} answered something else than it was asked`);
      return document;
    },
    async events({ resource, resourceId }) {
      const document = await askFiner(asking, { hour, revision }, { level: 'event', resource, resource_id: resourceId });
      if (document.level !== 'event' || document.resource_id !== resourceId) throw new Unsound(`${asking.agreement.peer} answered something else than it was asked`);
      return document;
    },
  };
}

type Finer = { level: 'resource' | 'event'; project?: string; resource: HourStatement['rows'][number]['resource']; resource_id?: string };

async function askFiner({ client, agreement, clock }: Asking, { hour, revision }: { hour: Date; revision: number }, query: Finer): Promise<ResourceStatement | EventStatement | HourStatement> {
  const { body } = await client.statements.show({ params: { agreement_id: agreement.id, hour: hour.toISOString() }, query });
  const signed = sound(agreement, isStatement, body);
  const verdict = judge(signed, new Map(agreement.keys.map(({ id, public_key: key }) => [id, key])), clock.now());
  if (verdict !== 'good') throw new Unsound(`What ${agreement.peer} answers is not signed by it: ${verdict}`);
  const document = signed.document as unknown as ResourceStatement | EventStatement | HourStatement;
  // An answer about something else, or of another day, proves nothing about this.
  if (document.agreement !== agreement.id || new Date(document.hour).getTime() !== hour.getTime()) throw new Unsound(`${agreement.peer} answered for ${document.agreement} and ${document.hour}`);
  // It was told more meanwhile, and has stated the hour anew: that is asked for first.
  if (document.revision !== revision) throw new Unsound(`${agreement.peer} answers for revision ${document.revision} of the hour, and was asked about ${revision}`);
  return document;
}

/** What a client is answered is what the other says, and not yet what the contract says. */
function sound({ peer }: Pick<Agreement, 'peer'>, check: Check, body: unknown): Signed<Plain> {
  const issue = check(body);
  if (issue) throw new Unsound(`What ${peer} answers is no statement: ${issue.field} ${issue.reason}`);
  return body as Signed<Plain>;
}
