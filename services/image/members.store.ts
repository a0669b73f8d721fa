/** The SQL of shares. */
import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type MemberStatus = 'pending' | 'accepted' | 'rejected';
export type Member = { imageId: string; memberId: string; status: MemberStatus; createdAt: Date; updatedAt: Date };

const columns = sql.raw('image_id as "imageId", member_id as "memberId", status, created_at as "createdAt", updated_at as "updatedAt"');

export function listMembers(tx: Transaction, imageId: string, only?: string): Promise<Member[]> {
  return tx.rows<Member>`select ${columns} from image.member where image_id = ${imageId} and ${only === undefined ? sql`true` : sql`member_id = ${only}`} order by created_at, member_id`;
}

export function findMember(tx: Transaction, imageId: string, memberId: string): Promise<Member | undefined> {
  return tx.one<Member>`select ${columns} from image.member where image_id = ${imageId} and member_id = ${memberId}`;
}

/** Undefined: the project is a member already. */
export function insertMember(tx: Transaction, { imageId, projectId, memberId, now }: { imageId: string; projectId: string; memberId: string; now: Date }): Promise<Member | undefined> {
  return tx.one<Member>`
    insert into image.member (image_id, project_id, member_id, created_at, updated_at) values (${imageId}, ${projectId}, ${memberId}, ${now}, ${now})
    on conflict (image_id, member_id) do nothing returning ${columns}`;
}

export function setMemberStatus(tx: Transaction, imageId: string, memberId: string, { status, now }: { status: MemberStatus; now: Date }): Promise<number> {
  return tx.run`update image.member set status = ${status}, updated_at = ${now} where image_id = ${imageId} and member_id = ${memberId}`;
}

/** The shares of an image are its owner's. */
export function moveShares(tx: Transaction, imageId: string, projectId: string): Promise<number> {
  return tx.run`update image.member set project_id = ${projectId} where image_id = ${imageId}`;
}

export function deleteMember(tx: Transaction, imageId: string, memberId: string): Promise<number> {
  return tx.run`delete from image.member where image_id = ${imageId} and member_id = ${memberId}`;
}
