/** Home compares what was used here with what a partner has counted: it is told which of ours is which of the partner's. */
import type { Client } from '../../contract/client.ts';
import { metering } from '../../contract/intercloud/metering.ts';
import type { agreements } from '../../contract/intercloud/metering/agreements.ts';
import type { BodyOf } from '../../contract/contract.ts';
import type { Counterpart, Driver } from '../../drivers/driver.ts';
import type { Database } from '../../kit/postgres/database.ts';
import { listTold, saveTold } from './counterparts.store.ts';

type Told = BodyOf<typeof agreements.setCounterparts>['counterparts'];

/** Rejects while home cannot be reached; home takes the same thing twice. */
export type CounterpartLink = {
  agreements(region: string): Promise<string[]>;
  tell(agreementId: string, counterparts: Told): Promise<void>;
};

export function remoteCounterpartLink(home: { client(service: typeof metering): Client<typeof metering> }): CounterpartLink {
  const { agreements: at } = home.client(metering);
  return {
    agreements: async (region) => (await at.list({ query: { region } })).body.agreements.filter(({ role }) => role === 'consumer').map(({ id }) => id),
    tell: async (agreementId, counterparts) => void (await at.setCounterparts({ params: { agreement_id: agreementId }, body: { counterparts } })),
  };
}

const scope = { kind: 'system', reason: 'home is told what is what at the partner' } as const;

/** Tells all that home does not know yet. Resolves to how many it was told. */
export async function tellCounterparts({ database, driver, region, link }: { database: Database; driver: Pick<Driver, 'counterparts'>; region: string; link: CounterpartLink }, signal?: AbortSignal): Promise<number> {
  // Of hosts of our own there is nothing to tell, and nobody to ask.
  if ((await driver.counterparts.list({ number: 0 })).length === 0) return 0;
  const told = new Map((await database.read(scope, listTold)).map(({ agreementId, last }) => [agreementId, last]));
  let count = 0;
  for (const agreementId of await link.agreements(region)) {
    let number = told.get(agreementId) ?? 0;
    while (signal?.aborted !== true) {
      const next = await driver.counterparts.list({ number });
      const last = next.at(-1);
      if (last === undefined) break;
      await link.tell(agreementId, next.map(said));
      number = last.number;
      await database.transaction(scope, (tx) => saveTold(tx, agreementId, number));
      count += next.length;
    }
  }
  return count;
}

function said({ kind, id, remoteId }: Counterpart): Told[number] {
  return { kind: kind === 'project' || kind === 'flavor' ? kind : 'resource', peer_id: remoteId, own_id: id };
}
