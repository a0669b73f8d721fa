/** `If-Match: revision_number=7`: a change only of what was read. neutron/services/revisions/revision_plugin.py. */
import { badRequest, Fault } from '../../kit/fault.ts';
import type { AnyHandler, Context } from '../../kit/http/implement.ts';
import { lockRevision, type Revised } from './revisions.store.ts';

type Asked = Context & { params: Record<string, string>; headers: Readonly<Record<string, string | string[] | undefined>> };
type Handlers = Readonly<Record<string, AnyHandler>>;

/** The same handlers; those that change one thing look at its revision first, and hold it. */
export function revised<H extends object>(resource: Revised, parameter: string, handlers: H): H {
  const guarded = (handler: AnyHandler): AnyHandler => async (request: never) => {
    await demandRevision(request as Asked, resource, parameter);
    return handler(request);
  };
  const reading = new Set(['list', 'create', 'show', 'subports']);
  return Object.fromEntries(Object.entries(handlers as Handlers).map(([name, handler]) => [name, reading.has(name) ? handler : guarded(handler)])) as H;
}

async function demandRevision({ tx, headers, params }: Asked, resource: Revised, parameter: string): Promise<void> {
  const wanted = wantedRevision(headers['if-match']);
  const id = params[parameter];
  if (wanted === undefined || id === undefined) return;
  const row = await lockRevision(tx, resource, id);
  // What is not there, or not ours to change, is refused in its own words.
  if (row && row.revision_number !== wanted) throw new Fault(412, 'HTTPPreconditionFailed', `Constrained to ${wanted}, but current revision is ${row.revision_number}`);
}

function wantedRevision(header: string | string[] | undefined): number | undefined {
  const tags = [header ?? []].flat().flatMap((text) => text.split(',')).map((tag) => tag.trim().replace(/^(?:W\/)?"?(.*?)"?$/, '$1')).filter((tag) => tag.startsWith('revision_number='));
  if (tags.length === 0) return undefined;
  if (tags.length > 1) throw badRequest('Bad if-match request: Multiple revision_number etags are not supported.', 'BadRequest');
  const number = tags[0]!.slice('revision_number='.length);
  if (!/^-?\d{1,9}$/.test(number)) throw badRequest('Bad if-match request: Revision number etag must be in the format of revision_number=<int>.', 'BadRequest');
  return Number(number);
}
