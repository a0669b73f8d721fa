/** Containers as web sites, for who brings no token. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { startCloud } from '../../test/cloud.ts';
import { accountPath, swift, type Ask } from './object-store.fixture.ts';

test('a site shows its index, in folders too, and leads there from where a slash is missing', async (t) => {
  const { alice, nobody } = await start(t, { 'x-container-meta-web-index': 'index.html' });
  await alice('PUT', '/site/index.html', { body: '<h1>Home</h1>', headers: { 'content-type': 'text/html' } });
  await alice('PUT', '/site/docs/index.html', { body: '<h1>Docs</h1>' });
  await alice('PUT', '/site/docs', { headers: { 'content-type': 'application/directory' } });

  const home = await nobody('GET', '/site/');
  assert.deepEqual([home.status, home.text, home.headers['content-type']], [200, '<h1>Home</h1>', 'text/html']);
  const led = await nobody('GET', '/site');
  assert.equal(led.status, 301);
  assert.ok(led.headers['location']?.endsWith('/site/'));
  const head = await nobody('HEAD', '/site/');
  assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, '13', '']);
  assert.equal((await nobody('GET', '/site/docs')).status, 301, 'what marks a folder is none');
  assert.equal((await nobody('GET', '/site/docs/')).text, '<h1>Docs</h1>');
  assert.equal((await alice('GET', '/site/')).text, 'docs\ndocs/index.html\nindex.html\n', 'who brings a token asks for the list');
  assert.equal((await alice('GET', '/site/', { headers: { 'x-web-mode': 'true' } })).text, '<h1>Home</h1>');
});

test('a site lists what is in it where it says so, under its own name and style', async (t) => {
  const { alice, nobody } = await start(t, { 'x-container-meta-web-listings': 'true', 'x-container-meta-web-listings-css': 'style.css', 'x-container-meta-web-listings-label': 'Files & more' });
  await alice('PUT', '/site/a%3Cb.txt', { body: 'x'.repeat(1536), headers: { 'content-type': 'text/plain' } });
  await alice('PUT', '/site/docs/deep/one.txt', { body: '1' });

  const page = await nobody('GET', '/site/');
  assert.deepEqual([page.status, page.headers['content-type'], Number(page.headers['content-length'])], [200, 'text/html; charset=UTF-8', page.bytes.length]);
  assert.match(page.text, /<title>Listing of Files &#38; more\/<\/title>/);
  assert.match(page.text, /<link rel="stylesheet" type="text\/css" href="style\.css" \/>/);
  assert.match(page.text, /<a href="\.\/docs\/">docs\/<\/a>/);
  assert.match(page.text, /class="item type-text type-plain">\s*<td class="colname"><a href="\.\/a%3Cb%2Etxt">a&#60;b\.txt<\/a><\/td>\s*<td class="colsize">2Ki</);
  assert.doesNotMatch(page.text, /href="\.\.\/"/);

  const below = await nobody('GET', '/site/docs/');
  assert.match(below.text, /href="\.\.\/style\.css"[^]*<a href="\.\.\/">[^]*<a href="\.\/deep\/">deep\/</);
  assert.equal((await nobody('GET', '/site/docs')).status, 301);
  assert.equal((await nobody('GET', '/site/none')).status, 404);
  assert.equal((await nobody('GET', '/site/none/')).status, 404);
});

test('a site without an index that lists nothing says so, and has pages of its own for what is refused', async (t) => {
  const { alice, nobody } = await start(t, { 'x-container-meta-web-index': 'index.html', 'x-container-meta-web-error': 'error.html' });
  const disabled = await nobody('GET', '/site/');
  assert.deepEqual([disabled.status, /Web Listing Disabled/.test(disabled.text), /Index File Not Found/.test(disabled.text)], [404, true, true]);

  await alice('PUT', '/site/404error.html', { body: 'not here', headers: { 'content-type': 'text/html' } });
  await alice('PUT', '/site/401error.html', { body: 'not for you', headers: { 'content-type': 'text/html' } });

  const missing = await nobody('GET', '/site/none', { headers: { range: 'bytes=0-1' } });
  assert.deepEqual([missing.status, missing.text], [404, 'not here']);
  assert.deepEqual([(await nobody('GET', '/site/')).text, (await nobody('HEAD', '/site/none')).status], ['not here', 404]);
  await alice('POST', '/site', { headers: { 'x-container-read': '.r:*' } });
  const refused = await nobody('GET', '/site/');
  assert.deepEqual([refused.status, refused.text], [401, 'not for you']);
  await alice('POST', '/site', { headers: { 'x-container-read': '' } });
  assert.deepEqual([(await nobody('GET', '/site/')).status, (await nobody('GET', '/site/404error.html')).status], [401, 401], 'nobody sees what he may not read');
});

test('a container without a word of a site is none', async (t) => {
  const { alice, nobody } = await start(t, {});
  await alice('PUT', '/site/o', { body: 'hello' });

  assert.equal((await nobody('GET', '/site')).text, 'o\n');
  assert.equal((await nobody('HEAD', '/site')).status, 204);
  assert.equal((await nobody('GET', '/site', { headers: { 'x-web-mode': 'true' } })).text, 'o\n');
});

test('who has a signed address of a folder walks through its listing, and out of nothing else', async (t) => {
  const { cloud, alice, nobody } = await start(t, { 'x-container-meta-web-listings': 'true', 'x-container-read': '' });
  await alice('POST', '', { headers: { 'x-account-meta-temp-url-key': 'secret' } });
  await alice('PUT', '/site/open/sub/o', { body: 'hello' });
  await alice('PUT', '/site/closed/o', { body: 'hidden' });
  const expires = Math.floor(cloud.clock.now().getTime() / 1000) + 60;
  const signature = createHmac('sha256', 'secret').update(`GET\n${expires}\nprefix:${accountPath(cloud.alice)}/site/open/`).digest('hex');
  const query = `temp_url_prefix=${encodeURIComponent('open/')}&temp_url_expires=${expires}&temp_url_sig=${signature}`;

  const page = await nobody('GET', `/site/open/?${query}`);

  assert.equal(page.status, 200);
  const [, link = ''] = /<a href="\.\/([^"]+)">sub\/</.exec(page.text) ?? [];
  assert.equal((await nobody('GET', `/site/open/${link.replaceAll('&#38;', '&')}`)).status, 200);
  assert.doesNotMatch(page.text, /href="\.\.\//);
  assert.equal((await nobody('GET', `/site/closed/?${query}`)).status, 401);
});

test('a signed address for all of a container lists its site, and nothing where there is none', async (t) => {
  const { cloud, alice, nobody } = await start(t, { 'x-container-meta-web-listings': 'true', 'x-container-read': '' });
  await alice('POST', '', { headers: { 'x-account-meta-temp-url-key': 'secret' } });
  await alice('PUT', '/plain');
  const expires = Math.floor(cloud.clock.now().getTime() / 1000) + 60;
  const read = (container: string) => {
    const signature = createHmac('sha256', 'secret').update(`GET\n${expires}\nprefix:${accountPath(cloud.alice)}/${container}/`).digest('hex');
    return nobody('GET', `/${container}/?temp_url_prefix=&temp_url_expires=${expires}&temp_url_sig=${signature}`);
  };

  assert.deepEqual([(await read('site')).status, (await read('plain')).status], [200, 401]);
});

test('a file of any name is downloaded by a signed address, over a socket too', async (t) => {
  const { cloud, alice } = await start(t, {});
  const name = '\u9409\u2603.txt';
  await alice('POST', '', { headers: { 'x-account-meta-temp-url-key': 'secret' } });
  await alice('PUT', `/site/${encodeURIComponent(name)}`, { body: 'hello' });
  const expires = Math.floor(cloud.clock.now().getTime() / 1000) + 60;
  const signature = createHmac('sha256', 'secret').update(`GET\n${expires}\n${accountPath(cloud.alice)}/site/${name}`).digest('hex');
  const at = await cloud.door.app.listen({ port: 0, host: '127.0.0.1' });

  const reply = await fetch(`${at}${accountPath(cloud.alice)}/site/${encodeURIComponent(name)}?temp_url_expires=${expires}&temp_url_sig=${signature}`);

  assert.deepEqual([reply.status, await reply.text()], [200, 'hello']);
  assert.match(reply.headers.get('content-disposition') ?? '', /filename\*=UTF-8''%E9%90%89%E2%98%83\.txt$/);
});

async function start(t: Parameters<typeof startCloud>[0], headers: Record<string, string>): Promise<{ cloud: Awaited<ReturnType<typeof startCloud>>; alice: Ask; nobody: Ask }> {
  const cloud = await startCloud(t);
  const alice = swift(cloud, cloud.alice);
  await alice('PUT', '/site', { headers: { 'x-container-read': '.r:*,.rlistings', ...headers } });
  return { cloud, alice, nobody: swift(cloud, undefined, cloud.alice) };
}
