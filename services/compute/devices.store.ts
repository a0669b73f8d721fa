/** What is plugged into servers: volumes with their devices, and ports in their order. */
import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type DeviceState = 'attaching' | 'attached' | 'detaching';

export type BlockDevice = {
  id: string;
  serverId: string;
  projectId: string;
  volumeId: string;
  attachmentId: string;
  device: string;
  isRoot: boolean;
  deleteOnTermination: boolean;
  tag: string | null;
  state: DeviceState;
};

export type Interface = { serverId: string; projectId: string; portId: string; position: number; tag: string | null; state: DeviceState };

export function selectBlockDevices(tx: Transaction, serverIds: readonly string[]): Promise<BlockDevice[]> {
  return tx.rows<BlockDevice>`
    select id, tag, server_id as "serverId", project_id as "projectId", volume_id as "volumeId", attachment_id as "attachmentId", device,
      is_root as "isRoot", delete_on_termination as "deleteOnTermination", state
    from compute.block_device where server_id = ${sql.anyOf(serverIds)} order by server_id, is_root desc, device`;
}

export async function insertBlockDevice(tx: Transaction, device: BlockDevice, now: Date): Promise<void> {
  await tx.run`
    insert into compute.block_device (id, tag, server_id, project_id, volume_id, attachment_id, device, is_root, delete_on_termination, state, created_at)
    values (${device.id}, ${device.tag}, ${device.serverId}, ${device.projectId}, ${device.volumeId}, ${device.attachmentId}, ${device.device}, ${device.isRoot}, ${device.deleteOnTermination}, ${device.state}, ${now})`;
}

export async function setBlockDeviceState(tx: Transaction, serverId: string, volumeId: string, state: DeviceState): Promise<void> {
  await tx.run`update compute.block_device set state = ${state} where server_id = ${serverId} and volume_id = ${volumeId}`;
}

export async function setDeleteOnTermination(tx: Transaction, id: string, deleteOnTermination: boolean): Promise<void> {
  await tx.run`update compute.block_device set delete_on_termination = ${deleteOnTermination} where id = ${id}`;
}

export async function setAttachment(tx: Transaction, id: string, attachmentId: string): Promise<void> {
  await tx.run`update compute.block_device set attachment_id = ${attachmentId} where id = ${id}`;
}

/** One of them, or all without a volume's id. */
export async function deleteBlockDevices(tx: Transaction, serverId: string, volumeId: string | null): Promise<void> {
  await tx.run`delete from compute.block_device where server_id = ${serverId} and (${volumeId}::text is null or volume_id = ${volumeId})`;
}

export function selectInterfaces(tx: Transaction, serverIds: readonly string[]): Promise<Interface[]> {
  return tx.rows<Interface>`
    select server_id as "serverId", project_id as "projectId", port_id as "portId", position, tag, state
    from compute.interface where server_id = ${sql.anyOf(serverIds)} order by server_id, position`;
}

/** Behind those that it has. */
export async function appendInterface(tx: Transaction, wish: Omit<Interface, 'position'>, now: Date): Promise<void> {
  await tx.run`
    insert into compute.interface (server_id, project_id, port_id, position, tag, state, created_at)
    select ${wish.serverId}, ${wish.projectId}, ${wish.portId}, coalesce(max(position), -1) + 1, ${wish.tag}, ${wish.state}, ${now}
    from compute.interface where server_id = ${wish.serverId}`;
}

export async function setInterfaceState(tx: Transaction, serverId: string, portId: string, state: DeviceState): Promise<void> {
  await tx.run`update compute.interface set state = ${state} where server_id = ${serverId} and port_id = ${portId}`;
}

export async function deleteInterfaces(tx: Transaction, serverId: string, portId: string | null): Promise<void> {
  await tx.run`delete from compute.interface where server_id = ${serverId} and (${portId}::text is null or port_id = ${portId})`;
}

/** All devices of servers that are not there any more, for invariant I5. */
export function selectStrayDevices(tx: Transaction): Promise<{ serverId: string; what: string }[]> {
  return tx.rows(sql`
    select server_id as "serverId", 'volume ' || volume_id as what from compute.block_device join compute.server on server.id = server_id where server.deleted_at is not null
    union all
    select server_id, 'port ' || port_id from compute.interface join compute.server on server.id = server_id where server.deleted_at is not null`);
}
