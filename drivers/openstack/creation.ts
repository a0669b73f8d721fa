/** How anything of ours is made at the partner: intended first, and when the answer is lost, looked for, never guessed. */
import type { Clock } from '../../kit/clock.ts';
import { DriverError } from '../driver.ts';
import type { HandleRef, HandleStore } from './handles.ts';
import { translated, UnknownOutcome } from './refusals.ts';

/** A thing there that carries the tag. */
export type Found = { id: string; createdAt: string };

export type Making = {
  /** What carries this tag. */
  find(tag: string): Promise<Found[]>;
  /** Asks for it once; resolves to the partner's name for it. */
  make(tag: string): Promise<string>;
};

const ATTEMPTS = 3;

/** Resolves to what it is called there. What was known is not looked at. */
export async function ensureMade({ handles, clock }: { handles: HandleStore; clock: Clock }, ref: HandleRef, projectId: string, { find, make }: Making): Promise<string> {
  const before = await handles.find(ref);
  if (before?.state === 'known') return before.remoteId;
  const { tag } = await handles.intend(ref, projectId);

  // An intention from before: we ended between the call and the answer.
  let there = before ? await find(tag) : [];
  for (let attempt = 1; there.length === 0; attempt++) {
    try {
      there = [{ id: await make(tag), createdAt: '' }];
    } catch (error) {
      const isUnknown = error instanceof UnknownOutcome;
      // It may still be on its way.
      if (isUnknown) await clock.after(200 * attempt);
      // A refusal too may be of a second asking (by whoever stands between us), while the first was granted.
      there = await find(tag);
      if (there.length > 0) break;
      if (!isUnknown) {
        await handles.forget(ref);
        throw translated(error);
      }
      if (attempt === ATTEMPTS) throw new DriverError('unavailable', `The ${ref.kind} ${ref.id} could not be made, and nothing of it is there`, { cause: error });
    }
  }
  // Asked once and made twice: the others are shown as quarantined, because they are not known by this name.
  const [kept] = there.toSorted((one, other) => (`${one.createdAt} ${one.id}` < `${other.createdAt} ${other.id}` ? -1 : 1));
  await handles.know(ref, kept!.id);
  return kept!.id;
}
