/** What is told of many deeds at once: swift/common/middleware/bulk.py, get_response_body. */
import { Answer } from '../../kit/http/implement.ts';
import { headerOf, type IncomingHeaders } from './header-text.ts';

export type Problem = [path: string, reason: string];

type Facts = Readonly<Record<string, string | number>>;

/** JSON, XML or text, as the client accepts it. */
export function bulkText(headers: IncomingHeaders, facts: Facts, problems: readonly Problem[], root: 'delete' | 'extract' | 'upload' | 'copy'): { contentType: string; text: string } {
  const accept = headerOf(headers, 'accept') ?? '';
  if (accept.includes('application/json')) return { contentType: 'application/json', text: JSON.stringify({ ...facts, Errors: problems }) };
  if (/(application|text)\/xml/.test(accept)) {
    const tags = Object.entries(facts).map(([name, value]) => `<${tagOf(name)}>${escaped(value)}</${tagOf(name)}>\n`);
    const errors = problems.map(([path, reason]) => `<object><name>${escaped(path)}</name><status>${escaped(reason)}</status></object>\n`);
    return { contentType: accept.includes('application/xml') ? 'application/xml' : 'text/xml', text: `<${root}>\n${tags.join('')}<errors>\n${errors.join('')}</errors>\n</${root}>\n` };
  }
  const lines = Object.keys(facts).toSorted().map((name) => `${name}: ${facts[name]}\n`);
  return { contentType: 'text/plain', text: `${lines.join('')}Errors:\n${problems.map(([path, reason]) => `${path}, ${reason}`).join('\n')}` };
}

export function bulkAnswer(headers: IncomingHeaders, facts: Facts, problems: readonly Problem[], { root, status = 200 }: { root: Parameters<typeof bulkText>[3]; status?: number }): Answer<Buffer> {
  const { contentType, text } = bulkText(headers, facts, problems, root);
  return new Answer(Buffer.from(text), { status, headers: { 'content-type': contentType } });
}

function tagOf(name: string): string {
  return name.toLowerCase().replaceAll(' ', '_');
}

function escaped(value: unknown): string {
  return String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
