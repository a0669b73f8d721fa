/** Plugs interfaces of this host into its integration bridge, by which OVN finds the logical ports that are here. */
import { DriverError } from '../../driver.ts';
import { ConflictError, type Operation, type OvsdbClient } from '../ovsdb.ts';
import { asAtoms, textMap, uuidSet, type Datum } from '../ovsdb-values.ts';

/** This host's Open vSwitch: a client of its database named Open_vSwitch, and its integration bridge. */
export type LocalSwitch = { database: OvsdbClient; bridge: string };

/**
 * Makes the interface a port of the bridge, bound to the logical port, and waits until the switch has opened it.
 * An interface that was made anew under its old name must be unplugged first: the switch holds on to the one that was.
 */
export async function plugInterface(
  { database, bridge }: LocalSwitch,
  { name, portId, mac }: { name: string; portId: string; mac: string },
): Promise<void> {
  const ids = textMap({ 'iface-id': portId, 'attached-mac': mac, 'iface-status': 'active' });
  const [ports] = await database.transact([{ op: 'select', table: 'Port', where: [['name', '==', name]], columns: ['name'] }]);
  const bridgeThere: Operation = {
    op: 'wait', table: 'Bridge', where: [['name', '==', bridge]], columns: ['name'], until: '==', rows: [{ name: bridge }], timeout: 0,
  };
  if (ports?.rows?.length) {
    await database.transact([{ op: 'update', table: 'Interface', where: [['name', '==', name]], row: { external_ids: ids } }, nextConfiguration]);
  } else {
    await database.transact([
      bridgeThere,
      { op: 'insert', table: 'Interface', 'uuid-name': 'interface', row: { name, external_ids: ids } },
      { op: 'insert', table: 'Port', 'uuid-name': 'port', row: { name, interfaces: ['set', [['named-uuid', 'interface']]] } },
      { op: 'mutate', table: 'Bridge', where: [['name', '==', bridge]], mutations: [['ports', 'insert', ['set', [['named-uuid', 'port']]]]] },
      nextConfiguration,
    ]);
  }
  await openedBySwitch(database, name);
}

/** Takes the interface out of its bridge; it itself stays. */
export async function unplugInterface({ database }: LocalSwitch, name: string): Promise<void> {
  const [ports] = await database.transact([{ op: 'select', table: 'Port', where: [['name', '==', name]], columns: ['_uuid'] }]);
  const ids = (ports?.rows ?? []).map((row) => (row['_uuid'] as ['uuid', string])[1]);
  if (ids.length === 0) return;
  await database.transact([
    // A port that no bridge holds is collected by the database.
    { op: 'mutate', table: 'Bridge', where: [], mutations: [['ports', 'delete', uuidSet(ids)]] },
    nextConfiguration,
  ]);
}

// The switch looks at its database when this number grows.
const nextConfiguration: Operation = { op: 'mutate', table: 'Open_vSwitch', where: [], mutations: [['next_cfg', '+=', 1]] };

async function openedBySwitch(database: OvsdbClient, name: string): Promise<void> {
  await changedBySwitch(database, name, { ofport: ['set', []] });
  let row = await findInterface(database, name);
  // It could not be opened when the switch last tried, which may be long ago.
  if (row?.['ofport'] === FAILED) {
    await changedBySwitch(database, name, { ofport: FAILED }).catch(unlessUnchanged);
    row = await findInterface(database, name);
  }
  if (!row) throw new DriverError('missing', `The interface ${name} was unplugged meanwhile`);
  if (row['ofport'] === FAILED) throw new DriverError('failed', `The switch cannot open ${name}: ${asAtoms(row['error'] ?? '').join()}`);
}

const FAILED = -1;

async function changedBySwitch(database: OvsdbClient, name: string, from: { ofport: Datum }): Promise<void> {
  await database.transact(
    [{ op: 'wait', table: 'Interface', where: [['name', '==', name]], columns: ['ofport'], until: '!=', rows: [from], timeout: 4_000 }],
    { timeoutMs: 8_000 },
  );
}

async function findInterface(database: OvsdbClient, name: string): Promise<Record<string, Datum> | undefined> {
  const [result] = await database.transact([{ op: 'select', table: 'Interface', where: [['name', '==', name]], columns: ['ofport', 'error'] }]);
  return result?.rows?.[0];
}

function unlessUnchanged(error: unknown): void {
  if (!(error instanceof ConflictError)) throw error;
}
