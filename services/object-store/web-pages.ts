/** The pages that a container shows of itself as a web site: swift/common/middleware/staticweb.py, _listing. */
import type { ListedObject } from './objects.ts';
import { listedTimeOf } from './timestamps.ts';

/** What a container's metadata says of the site. */
export type Site = {
  /** Whether there is more to it than pages of refusals. */
  isShown: boolean;
  isListed: boolean;
  index: string;
  /** Pages of refusals end so, behind the status. */
  error: string;
  label: string;
  css: string;
  directoryType: string;
};

type Page = { title: string; prefix: string };

export function disabledPage({ index, css }: Site, { title, prefix }: Page): string {
  const missing = index === '' ? '' : `<h1>Index File Not Found</h1> <p>The owner of this web site has set <b>X-Container-Meta-Web-Index: ${escaped(index)}</b>. However, this file is not found.</p>`;
  return `<!DOCTYPE html>
<html>
<head>
<title>Listing of ${escaped(title)}</title>
${styled(css, prefix, 'h1 {font-size: 1em; font-weight: bold;} p {font-size: 2}')}</head>
<body>
  <h1>Web Listing Disabled</h1>
  <p>The owner of this web site has disabled web listing.</p>
  <p>If you are the owner of this web site, you can enable web listing by setting X-Container-Meta-Web-Listings.</p>
${missing}</body>
</html>
`;
}

/** Folders first, then what lies here. `signature`: by which further addresses below its prefix are good. */
export function listingPage({ css }: Site, { title, prefix, items, signature }: Page & { items: readonly ListedObject[]; signature: { prefix: string; query: string } }): string {
  const link = (name: string) => `<a href="./${escaped(quoted(name).replaceAll('.', '%2E') + signature.query)}">${escaped(name)}</a>`;
  const up = prefix.length > signature.prefix.length ? [row('parent', { name: `<a href="../${escaped(signature.query)}">../</a>`, id: true })] : [];
  const folders = items.flatMap((item) => (item.subdir === null ? [] : [row('item subdir', { name: link(item.subdir.slice(prefix.length)) })]));
  const files = items.flatMap((item) => (item.subdir === null ? [row(`item ${typesOf(item.contentType)}`, { name: link(item.name.slice(prefix.length)), size: readable(item.sizeBytes), date: listedTimeOf(item.writtenAt).split('.')[0]!.replace('T', ' ') })] : []));
  return `<!DOCTYPE html>
<html>
 <head>
  <title>Listing of ${escaped(title)}</title>
${styled(css, prefix, 'h1 {font-size: 1em; font-weight: bold;} th {text-align: left; padding: 0px 1em 0px 1em;} td {padding: 0px 1em 0px 1em;} a {text-decoration: none;}')} </head>
 <body>
  <h1 id="title">Listing of ${escaped(title)}</h1>
  <table id="listing">
   <tr id="heading">
    <th class="colname">Name</th>
    <th class="colsize">Size</th>
    <th class="coldate">Date</th>
   </tr>
${[...up, ...folders, ...files].join('')}  </table>
 </body>
</html>
`;
}

function row(kind: string, { name, size = '&nbsp;', date = '&nbsp;', id = false }: { name: string; size?: string; date?: string; id?: boolean }): string {
  const marked = id ? ` id="${kind}" class="item"` : ` class="${kind}"`;
  return `   <tr${marked}>\n    <td class="colname">${name}</td>\n    <td class="colsize">${size}</td>\n    <td class="coldate">${date}</td>\n   </tr>\n`;
}

/** The site's own sheet, found from wherever below it one is. */
function styled(css: string, prefix: string, own: string): string {
  if (css === '') return `  <style type="text/css">${own}</style>\n`;
  const isElsewhere = /^(\/|https?:\/\/)/.test(css);
  const address = isElsewhere ? quoted(css, ':') : '../'.repeat(prefix.split('/').length - 1) + quoted(css);
  return `  <link rel="stylesheet" type="text/css" href="${escaped(address)}" />\n`;
}

function typesOf(contentType: string): string {
  return contentType.split('/').map((each) => `type-${escaped(each.toLowerCase())}`).join(' ');
}

function readable(bytes: number): string {
  let [value, unit] = [bytes, -1];
  for (; value >= 1024 && unit + 1 < 8; unit++) value = Math.round(value / 1024);
  return unit === -1 ? String(bytes) : `${value}${'KMGTPEZY'[unit]}i`;
}

/** As an address; what stands in `also` stays as it is. */
function quoted(text: string, also = ''): string {
  return encodeURIComponent(text).replaceAll(/%[0-9A-F]{2}/g, (code) => (`/${also}`.includes(decodedLetter(code)) ? decodedLetter(code) : code));
}

function decodedLetter(code: string): string {
  return String.fromCharCode(Number.parseInt(code.slice(1), 16));
}

function escaped(text: string): string {
  return text.replaceAll(/[<>&"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
