/** An object as it is shown to somebody who may read it: itself, or what it stands for, as much of it as was asked for. */
import type { objects as contract } from '../../contract/object-store/objects.ts';
import { Answer } from '../../kit/http/implement.ts';
import type { ObjectBodies } from './bodies.ts';
import { downloadAnswer, headAnswer } from './downloads.ts';
import { encoded } from './header-text.ts';
import { downloadOf, manifestWish, partNumberIn } from './reading.ts';
import { follow, linkHeaders, type Followed } from './symlinks.ts';
import { textsOf, versionIn, visitObject, type StoreRequest, type Visit } from './visits.ts';

export type Shown = Answer<Uint8Array | AsyncIterable<Uint8Array> | undefined>;
export type ShownPlace = { account: string; container: string; object: string };
/** Which of the two is asked: without a body, or with it. */
export type Showing = typeof contract.get | typeof contract.head;

export async function showObject(bodies: ObjectBodies, request: StoreRequest, place: ShownPlace, asked: Showing): Promise<Shown> {
  const found = await find(request, place, asked);
  const download = await downloadOf(bodies, found.here, found.object, { asManifest: manifestWish(textsOf(request)), partAsked: () => partNumberIn(textsOf(request), request.headers) });
  return shownAnswer<Shown['body']>(asked.method === 'HEAD' ? headAnswer(request, download) : await downloadAnswer(request, download), found, place.object);
}

type Found = Followed & { isVersioned: boolean };

/** The object that is asked for, or the one that it stands for. */
async function find(request: StoreRequest, place: ShownPlace, asked: Showing): Promise<Found> {
  const { here, container, object } = await visitObject(request, asked, place, { version: versionIn(textsOf(request)), toRead: asked.method === 'GET' });
  return { ...(await follow(request, here, object)), isVersioned: container.versioning !== 'off' };
}

function shownAnswer<T>(answer: Answer<T>, { here, object, location, isVersioned }: Found, name: string): Answer<T> {
  const more = { ...linkHeaders(object), ...(isVersioned ? { 'x-object-version-id': object.version } : {}), ...(location === undefined ? {} : { 'content-location': location }) };
  return signedAnswer(new Answer(answer.body, { ...(answer.status === undefined ? {} : { status: answer.status }), headers: { ...answer.headers, ...encoded(more) } }), here, name);
}

/** What somebody with a signed address gets says what to call the file, and only what is meant for everybody. */
function signedAnswer<T>(answer: Answer<T>, { signed }: Pick<Visit, 'signed'>, name: string): Answer<T> {
  if (!signed) return answer;
  const { filename, isInline, expires } = signed;
  const named = (disposition: string, file: string) => `${disposition}; filename="${file.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '%0A')}"; filename*=UTF-8''${encodeURIComponent(file)}`;
  const own = answer.headers['content-disposition'];
  const disposition = isInline ? (filename ? named('inline', filename) : 'inline') : filename ? named('attachment', filename) : (own ?? named('attachment', name.replace(/\/+$/, '').split('/').at(-1)!));
  // First: where it comes behind the length, Node takes its bytes for Latin-1 and refuses what is not (_http_outgoing.js, processHeader).
  const shown = Object.entries(answer.headers).filter(([header]) => header !== 'content-disposition' && (!header.startsWith('x-object-meta-') || header.startsWith('x-object-meta-public-')));
  return new Answer(answer.body, { ...(answer.status === undefined ? {} : { status: answer.status }), headers: { ...encoded({ 'content-disposition': disposition }), ...Object.fromEntries(shown), expires: expires.toUTCString() } });
}
