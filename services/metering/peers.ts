/** A peer that is another Intercloud: asked by its own contract, and believed only what it has signed. */
import type { Client } from '../../contract/client.ts';
import type { metering } from '../../contract/intercloud/metering.ts';
import type { Clock } from '../../kit/clock.ts';
import { judge, type Plain, type Signed } from '../../kit/signed.ts';
import type { Agreement, EventStatement, HourStatement, Peer, ResourceStatement } from './agreements.ts';

type Asking = { client: Client<typeof metering>; agreement: Pick<Agreement, 'id' | 'peer' | 'keys'>; clock: Pick<Clock, 'now'> };

/** Its statement of an hour, as it signed it: for `takeStatement`. */
export async function askHour({ client, agreement }: Asking, hour: Date): Promise<Signed<Plain>> {
  const { body } = await client.statements.show({ params: { agreement_id: agreement.id, hour: hour.toISOString() } });
  return body as unknown as Signed<Plain>;
}

export function remotePeer(asking: Asking, hour: Date): Peer {
  return {
    async resources({ project, resource }) {
      const document = await askFiner(asking, hour, { level: 'resource', project, resource });
      if (document.level !== 'resource' || document.project !== project || document.resource !== resource) throw new Error(`${asking.agreement.peer} answered something else than it was asked`);
      return document;
    },
    async events({ resource, resourceId }) {
      const document = await askFiner(asking, hour, { level: 'event', resource, resource_id: resourceId });
      if (document.level !== 'event' || document.resource_id !== resourceId) throw new Error(`${asking.agreement.peer} answered something else than it was asked`);
      return document;
    },
  };
}

type Finer = { level: 'resource' | 'event'; project?: string; resource: HourStatement['rows'][number]['resource']; resource_id?: string };

async function askFiner({ client, agreement, clock }: Asking, hour: Date, query: Finer): Promise<ResourceStatement | EventStatement | HourStatement> {
  const { body } = await client.statements.show({ params: { agreement_id: agreement.id, hour: hour.toISOString() }, query });
  const signed = body as unknown as Signed<Plain>;
  const verdict = judge(signed, new Map(agreement.keys.map(({ id, public_key: key }) => [id, key])), clock.now());
  if (verdict !== 'good') throw new Error(`What ${agreement.peer} answers is not signed by it: ${verdict}`);
  const document = signed.document as unknown as ResourceStatement | EventStatement | HourStatement;
  // An answer about something else, or of another day, proves nothing about this.
  if (document.agreement !== agreement.id || new Date(document.hour).getTime() !== hour.getTime()) throw new Error(`${agreement.peer} answered for ${document.agreement} and ${document.hour}`);
  return document;
}
