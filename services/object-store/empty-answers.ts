/** Replies without a body, which Swift gives a type all the same. */
import { Answer } from '../../kit/http/implement.ts';
import { encoded } from './header-text.ts';

export function emptyAnswer(status: number, headers: Readonly<Record<string, string>> = {}): Answer<Buffer> {
  return new Answer(Buffer.alloc(0), { status, headers: encoded({ 'content-type': 'text/html; charset=UTF-8', ...headers }) });
}
