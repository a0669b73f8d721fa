/**
 * A container as a web site, for who brings no token: its index, its listings, its error pages, as its metadata says.
 * swift/common/middleware/staticweb.py
 */
import { containers as containersContract } from '../../contract/object-store/containers.ts';
import { objects as contract } from '../../contract/object-store/objects.ts';
import { Fault } from '../../kit/fault.ts';
import { nobody } from '../../kit/http/caller.ts';
import { Answer } from '../../kit/http/implement.ts';
import type { ObjectBodies } from './bodies.ts';
import type { Container } from './containers.ts';
import { encoded, headerOf, isTrue } from './header-text.ts';
import { containerLimit } from './listing-formats.ts';
import { listObjects, noSuchObject, type ListedObject } from './objects.ts';
import { showObject, type Showing, type Shown, type ShownPlace } from './shown-objects.ts';
import { isTempUrl } from './temp-urls.ts';
import { disabledPage, listingPage, type Site } from './web-pages.ts';
import { containerOf, lookAt, tempUrlInvalid, textsOf, visit, type StoreRequest } from './visits.ts';

type WebRequest = StoreRequest & { readonly address: string };
type ContainerPlace = Omit<ShownPlace, 'object'>;

/** `plain`: what those see to whom it is no site. */
export async function containerOrPage(bodies: ObjectBodies, request: WebRequest, place: ContainerPlace, asked: Showing, plain: () => Promise<Shown>): Promise<Shown> {
  if (!isVisitor(request)) return plain();
  // An address for all of a container is for its site, and lists nothing where there is none. swift/common/middleware/tempurl.py
  if (isTempUrl(textsOf(request))) return sitePage(bodies, request, place, asked, () => Promise.reject(tempUrlInvalid()));
  return sitePage(bodies, request, place, asked, plain);
}

async function sitePage(bodies: ObjectBodies, request: WebRequest, place: ContainerPlace, asked: Showing, plain: () => Promise<Shown>): Promise<Shown> {
  const container = (await lookAt(request, place))?.container;
  const site = container && siteOf(container);
  if (!site) return plain();
  const shown = await withErrorPage(bodies, request, place, site, async () => {
    // Who may not see what is in it sees no index either.
    await visit(request, containersContract.list, place, 'read');
    if (!site.isShown) {
      if (isWebMode(request)) throw noSuchObject();
      return undefined;
    }
    if (!pathOf(request).endsWith('/')) return redirected(request);
    const index = site.index === '' ? undefined : await orMissing(showObject(bodies, request, { ...place, object: site.index }, asked));
    return index === undefined || index instanceof Fault ? listing(request, place, site, '') : new Answer(index.body, { status: index.status ?? 200, headers: index.headers });
  });
  return shown ?? plain();
}

export async function objectOrPage(bodies: ObjectBodies, request: WebRequest & { readonly params: ShownPlace }, asked: Showing): Promise<Shown> {
  const { params: place } = request;
  if (!isVisitor(request)) return showObject(bodies, request, place, asked);
  const found = await orMissing(showObject(bodies, request, place, asked));
  const isMissing = found instanceof Fault;
  if (!isMissing && Number(found.headers['content-length'] ?? 0) > 1) return found;
  const container = (await lookAt(request, place))?.container;
  const site = container && siteOf(container);
  const isMarker = !isMissing && found.headers['content-type'] === (site?.directoryType ?? 'application/directory');
  if (!site?.isShown || (!isMissing && !isMarker)) {
    if (isMissing) throw found;
    return found;
  }
  return withErrorPage(bodies, request, place, site, async () => {
    const isFolder = pathOf(request).endsWith('/');
    const index = site.index === '' ? undefined : await orMissing(showObject(bodies, request, { ...place, object: `${place.object}${isFolder ? '' : '/'}${site.index}` }, asked));
    if (index !== undefined && !(index instanceof Fault)) return isFolder ? index : redirected(request);
    if (isFolder) return listing(request, place, site, place.object);
    if ((await below(request, place, `${place.object}/`, 1)).length === 0) throw noSuchObject();
    return redirected(request);
  });
}

/** For HEAD: the page, as long as it would be. */
export function withoutBody({ body, status, headers }: Shown): Answer<undefined> {
  const length = body instanceof Uint8Array ? String(body.length) : undefined;
  return new Answer(undefined, { ...(status === undefined ? {} : { status }), headers: length === undefined ? headers : { 'content-length': length, ...headers } });
}

/** Of nobody, by an address that somebody signed, or as nobody would see it. */
function isVisitor(request: WebRequest): boolean {
  return request.caller === nobody || isTempUrl(textsOf(request)) || isWebMode(request);
}

function isWebMode({ headers }: WebRequest): boolean {
  return isTrue(headerOf(headers, 'x-web-mode'));
}

/** Undefined: nothing says that it is one. */
function siteOf({ headers }: Container): Site | undefined {
  const said = (name: string) => (headers[`x-container-meta-web-${name}`] ?? '').trim();
  const [listings, index, error, label, css, directoryType] = ['listings', 'index', 'error', 'listings-label', 'listings-css', 'directory-type'].map(said) as [string, string, string, string, string, string];
  const isShown = listings !== '' || index !== '';
  return isShown || error !== '' ? { isShown, isListed: isTrue(listings), index, error, label, css, directoryType: directoryType || 'application/directory' } : undefined;
}

/** What is not there is no reason to stop looking. */
async function orMissing(shown: Promise<Shown>): Promise<Shown | Fault> {
  try {
    return await shown;
  } catch (error) {
    if (error instanceof Fault && error.status === 404) return error;
    throw error;
  }
}

async function withErrorPage<T extends Shown | undefined>(bodies: ObjectBodies, request: WebRequest, place: ContainerPlace, { error: name }: Site, work: () => Promise<T>): Promise<T | Shown> {
  try {
    const answer = await work();
    return answer?.status === 404 ? ((await errorPage(404)) ?? answer) : answer;
  } catch (error) {
    const page = error instanceof Fault && error.status >= 400 && error.status < 500 ? await errorPage(error.status) : undefined;
    if (page) return page;
    throw error;
  }

  /** Undefined: there is none, or nobody may see it. */
  async function errorPage(status: number): Promise<Shown | undefined> {
    if (name === '') return undefined;
    try {
      // Whole, whatever was asked for of the thing that is not there.
      const { body, headers } = await showObject(bodies, { ...request, headers: {} }, { ...place, object: `${status}${name}` }, contract.get);
      return new Answer(body, { status, headers });
    } catch (error) {
      if (error instanceof Fault && error.status < 500) return undefined;
      throw error;
    }
  }
}

async function listing(request: WebRequest, place: ContainerPlace, site: Site, prefix: string): Promise<Shown> {
  const shownPath = decodeURIComponent(pathOf(request));
  const title = site.label === '' ? shownPath : `${site.label}/${prefix}`;
  if (!site.isListed) return page(404, disabledPage(site, { title, prefix }));
  const items = await below(request, place, prefix, containerLimit);
  if (prefix !== '' && items.length === 0) throw noSuchObject();
  return page(200, listingPage(site, { title, prefix, items, signature: signatureIn(textsOf(request)) }));
}

async function below(request: WebRequest, { account, container }: ContainerPlace, prefix: string, limit: number): Promise<ListedObject[]> {
  const here = await visit(request, containersContract.list, { account, container, ...(isTempUrl(textsOf(request)) ? { object: prefix } : {}) }, 'read');
  return here.read((context) => listObjects(context, containerOf(here), { prefix, delimiter: '/', after: undefined, before: undefined, reverse: false, limit }));
}

/** What a signed address of a prefix is good for further down, too. */
function signatureIn({ temp_url_prefix: prefix, temp_url_expires: expires, temp_url_sig: signature, temp_url_ip_range: range, inline }: Readonly<Record<string, string | undefined>>): { prefix: string; query: string } {
  if (prefix === undefined) return { prefix: '', query: '' };
  const parts = Object.entries({ temp_url_prefix: prefix, temp_url_expires: expires, temp_url_sig: signature, temp_url_ip_range: range }).flatMap(([name, value]) => (value === undefined || (value === '' && name !== 'temp_url_prefix') ? [] : [`${name}=${encodeURIComponent(value).replaceAll('%2F', '/')}`]));
  return { prefix, query: `?${[...parts, ...(inline === undefined ? [] : ['inline'])].join('&')}` };
}

function page(status: number, html: string): Shown {
  const body = Buffer.from(html);
  return new Answer(body, { status, headers: encoded({ 'content-type': 'text/html; charset=UTF-8', 'content-length': String(body.length) }) });
}

function redirected(request: WebRequest): Shown {
  return new Answer(Buffer.alloc(0), { status: 301, headers: { location: `${request.base}${pathOf(request)}/`, 'content-length': '0' } });
}

function pathOf({ address }: WebRequest): string {
  return address.split('?')[0]!;
}
