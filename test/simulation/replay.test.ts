/** A cloud is its seed, its clock and what is asked of it: the same again gives the same again, to the bit. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { DriverError } from '../../drivers/driver.ts';
import type { Faults } from '../../drivers/simulated/simulated.ts';
import type { FaultPoint } from '../../kit/workflow/execution.ts';
import { Abandoned } from '../../kit/workflow/workflow.ts';
import { soundQcow2 } from '../../services/image/intake/corpus.ts';
import { startCloud, type TestCloud } from '../cloud.ts';

/** What a reply's JSON was, to be looked into freely. */
type Parsed = ReturnType<typeof JSON.parse>;
type Reply = { asked: string; status: number; headers: [string, string][]; body: Parsed };
type Ask = (method: string, path: string, body?: object | Uint8Array, headers?: Record<string, string>) => Promise<Parsed>;
type Happened = { about: string; type: string; projectId: string | null; requestId: string | null; payload: object; at: Date };

/** What there is to compare of a run. */
type History = { replies: Reply[]; events: Map<string, Happened[]>; rows: Map<string, string>; hits: string[] };

/** What says how the engine went about it, or is told apart by PostgreSQL's own numbers; records of use are compared without those. */
const bookkeeping = new Set(['kit.event', 'kit.workflow_run', 'kit.migration', 'placement.change', 'meter.page']);

test('one seed gives two new clouds the same replies, the same rows in the tables of every service and the same events of each thing in their order, to the bit, faults and retries included, when each request waits for the work of the one before', async (t) => {
  const [first, second] = [await history(t, 7), await history(t, 7)];

  assert.ok(first.replies.length > 40 && first.events.size > 30 && first.rows.size > 50, `only ${first.replies.length} replies, events of ${first.events.size} things and ${first.rows.size} tables: this compares too little`);
  assert.deepEqual(first.hits, ['the volume is refused', 'the machine cannot be made yet', 'the machine cannot be made yet', 'the process dies while it deletes a volume']);
  assert.deepEqual(second.replies, first.replies);
  assert.deepEqual(second.events, first.events);
  assert.deepEqual(second.rows, first.rows);
});

test('another seed gives other ids, addresses and secrets, and takes and refuses the same requests', async (t) => {
  const [one, other] = [await history(t, 1), await history(t, 2)];

  assert.deepEqual(other.replies.map(({ status }) => status), one.replies.map(({ status }) => status));
  const drawn = drawnIn(one);
  assert.ok(drawn.size > 60, `only ${drawn.size} drawn values were seen`);
  assert.deepEqual([...drawnIn(other)].filter((each) => drawn.has(each)), []);
});

/** What happens when this is asked of a new cloud of this seed. */
async function history(t: TestContext, seed: number): Promise<History> {
  const trouble = troubles();
  const cloud = await startCloud(t, { seed, faults: trouble.faults, workflowFaults: trouble.workflowFaults });
  const replies: Reply[] = [];
  const ask: Ask = async (method, path, body, headers = {}) => {
    const reply = await cloud.fetch(`http://cloud.example${path}`, {
      method,
      headers: { 'x-auth-token': await cloud.alice.token(), host: 'cloud.example', 'content-type': body instanceof Uint8Array ? 'application/octet-stream' : 'application/json', ...headers },
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? (body as unknown as string) : JSON.stringify(body) }),
    });
    const text = await reply.text();
    const parsed: Parsed = text.startsWith('{') ? JSON.parse(text) : text;
    replies.push({ asked: `${method} ${path}`, status: reply.status, headers: [...reply.headers].filter(([name]) => name !== 'date'), body: parsed });
    await cloud.settle();
    return parsed;
  };
  await useItAll(ask, cloud, trouble);
  await cloud.rest();
  const rows = [...(await cloud.digest())].filter(([table]) => !bookkeeping.has(table.split(' ')[1]!));
  const used = await cloud.cloud.region.database.read({ kind: 'system', reason: 'test' }, (tx) => tx.rows`select line - 7 as record from meter.page page, jsonb_array_elements(page.records::jsonb) with ordinality lines (line, place) order by first_sequence, place`);
  return { replies, events: await eventsOf(cloud), rows: new Map([...rows, ['region meter.page', JSON.stringify(used)]]), hits: trouble.hits };
}

type Troubles = { faults: Faults; workflowFaults: (point: FaultPoint) => void; hits: string[]; doom(): void };

/** What goes wrong on the way. */
function troubles(): Troubles {
  const hits: string[] = [];
  let [refusals, isDoomed] = [2, false];
  return {
    hits,
    doom: () => void (isDoomed = true),
    faults({ method }, phase) {
      if (phase === 'before' && method === 'servers.ensure' && refusals-- > 0) {
        hits.push('the machine cannot be made yet');
        throw new DriverError('unavailable', 'The host does not answer because the test says so');
      }
      if (phase === 'before' && method === 'volumes.ensure' && isDoomed) {
        hits.push('the volume is refused');
        isDoomed = false;
        throw new DriverError('invalid', 'The volume is refused because the test says so');
      }
    },
    workflowFaults({ workflow, phase }) {
      if (workflow !== 'volume.delete' || phase !== 'after-effect' || hits.includes('the process dies while it deletes a volume')) return;
      hits.push('the process dies while it deletes a volume');
      throw new Abandoned('killed');
    },
  };
}

/** Networks, images, volumes and a server are made, joined, refused, and deleted. */
async function useItAll(ask: Ask, { imageId }: TestCloud, trouble: Troubles): Promise<void> {
  const { networks: [external] } = await ask('GET', '/network/v2.0/networks?name=public');
  const { network } = await ask('POST', '/network/v2.0/networks', { network: { name: 'net' } });
  const { subnet } = await ask('POST', '/network/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.20.0.0/24' } });
  const { router } = await ask('POST', '/network/v2.0/routers', { router: { name: 'out', external_gateway_info: { network_id: external.id } } });
  await ask('PUT', `/network/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  const { security_group: group } = await ask('POST', '/network/v2.0/security-groups', { security_group: { name: 'web' } });
  await ask('POST', '/network/v2.0/security-group-rules', { security_group_rule: { security_group_id: group.id, direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 22 } });
  const { port } = await ask('POST', '/network/v2.0/ports', { port: { network_id: network.id, security_groups: [group.id] } });
  const { floatingip } = await ask('POST', '/network/v2.0/floatingips', { floatingip: { floating_network_id: external.id } });
  await ask('POST', '/network/v2.0/subnetpools', { subnetpool: { name: 'pool', prefixes: ['10.30.0.0/16'] } });

  const image = await ask('POST', '/image/v2/images', { name: 'mine', disk_format: 'qcow2', container_format: 'bare' });
  await ask('PUT', `/image/v2/images/${image.id}/file`, soundQcow2());
  await ask('GET', `/image/v2/images/${image.id}`);

  const { volume: data } = await ask('POST', '/volume/v3/volumes', { volume: { size: 1, name: 'data' } }, { 'idempotency-key': 'once' });
  await ask('POST', '/volume/v3/volumes', { volume: { size: 1, name: 'data' } }, { 'idempotency-key': 'once' });
  const { snapshot } = await ask('POST', '/volume/v3/snapshots', { snapshot: { volume_id: data.id } });
  const { volume: copy } = await ask('POST', '/volume/v3/volumes', { volume: { size: 1, name: 'copy', snapshot_id: snapshot.id } });
  const { transfer } = await ask('POST', '/volume/v3/os-volume-transfer', { transfer: { volume_id: copy.id, name: 'gift' } });
  trouble.doom();
  const { volume: refused } = await ask('POST', '/volume/v3/volumes', { volume: { size: 1, name: 'refused' } });
  await ask('GET', `/volume/v3/volumes/${refused.id}`);
  await ask('GET', '/volume/v3/messages', undefined, { 'openstack-api-version': 'volume 3.44' });

  const { flavors } = await ask('GET', '/compute/v2.1/flavors');
  const { server } = await ask('POST', '/compute/v2.1/servers', {
    server: {
      name: 'web', flavorRef: flavors[0].id, imageRef: imageId, networks: [{ port: port.id }, { uuid: network.id }],
      block_device_mapping_v2: [
        { boot_index: 0, source_type: 'image', destination_type: 'local', uuid: imageId, delete_on_termination: true },
        { source_type: 'blank', destination_type: 'volume', volume_size: 1, delete_on_termination: true },
      ],
    },
  });
  await ask('GET', `/compute/v2.1/servers/${server.id}`);
  await ask('PUT', `/network/v2.0/floatingips/${floatingip.id}`, { floatingip: { port_id: port.id } });
  await ask('POST', `/compute/v2.1/servers/${server.id}/os-volume_attachments`, { volumeAttachment: { volumeId: data.id } });
  await ask('POST', `/compute/v2.1/servers/${server.id}/action`, { reboot: { type: 'HARD' } });
  await ask('POST', `/compute/v2.1/servers/${server.id}/action`, { createImage: { name: 'taken' } });
  await ask('GET', `/compute/v2.1/servers/${server.id}/os-instance-actions`);

  // Refused: in use, not there, not anybody's.
  await ask('DELETE', `/volume/v3/volumes/${data.id}`);
  await ask('DELETE', `/network/v2.0/networks/${network.id}`);
  await ask('DELETE', `/image/v2/images/${network.id}`);

  await ask('DELETE', `/compute/v2.1/servers/${server.id}`);
  await ask('DELETE', `/volume/v3/os-volume-transfer/${transfer.id}`);
  await ask('DELETE', `/volume/v3/snapshots/${snapshot.id}`);
  for (const { id } of [copy, data, refused]) await ask('DELETE', `/volume/v3/volumes/${id}`);
  await ask('DELETE', `/network/v2.0/floatingips/${floatingip.id}`);
  await ask('DELETE', `/network/v2.0/ports/${port.id}`);
  await ask('PUT', `/network/v2.0/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id });
  await ask('DELETE', `/network/v2.0/routers/${router.id}`);
  await ask('DELETE', `/network/v2.0/networks/${network.id}`);
  await ask('DELETE', `/network/v2.0/security-groups/${group.id}`);
  for (const path of ['/network/v2.0/ports', '/volume/v3/volumes/detail', '/compute/v2.1/servers/detail', '/image/v2/images']) await ask('GET', path);
}

/** All that was told of each thing, in the order in which it was told. */
async function eventsOf({ cloud: { home, region } }: TestCloud): Promise<Map<string, Happened[]>> {
  const told = [home.database, region.database].map((database) =>
    database.read({ kind: 'system', reason: 'the test compares' }, (tx) =>
      tx.rows<Happened>`select resource || ' ' || resource_id as about, type, project_id as "projectId", request_id as "requestId", payload, at from kit.event order by id`,
    ),
  );
  const all = (await Promise.all(told)).flat();
  // What a request starts and what a schedule does at the same moment are told in either order.
  return new Map([...Map.groupBy(all, ({ about }) => about)].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** Ids, requests' and users' too, MAC addresses and secrets. */
function drawnIn({ replies }: History): Set<string> {
  const drawn = /\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|(?<="(tenant|project|user)_id":")[0-9a-f]{32}\b|\bfa(:[0-9a-f]{2}){5}\b|(?<="auth_key":")\w+/g;
  return new Set(JSON.stringify(replies).match(drawn));
}
