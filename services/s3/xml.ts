/** XML as this door reads and writes it: elements and texts, without declarations of any kind (ATTACKS 22). */
import { refused } from './refusals.ts';

export type Element = { readonly name: string; readonly text: string; readonly children: readonly Element[]; readonly attributes: Readonly<Record<string, string>> };

/** What is written between the tags of an element; null leaves it out, a list writes it several times. */
export type Content = string | number | boolean | null | undefined | Written | readonly Content[];
type Written = { readonly [name: string]: Content };

export const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';
const mostDepth = 20;
const mostElements = 50_000;

/** A whole document; a name that begins with `@` is an attribute. */
export function document(name: string, content: Content): string {
  const root = typeof content === 'object' && content !== null && !Array.isArray(content) ? element(name, { '@xmlns': namespace, ...content }) : `<${name} xmlns="${namespace}">${escaped(String(content))}</${name}>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root}`;
}

function element(name: string, content: Content): string {
  if (content === null || content === undefined) return '';
  if (Array.isArray(content)) return (content as readonly Content[]).map((each) => element(name, each)).join('');
  if (typeof content !== 'object') return `<${name}>${escaped(String(content))}</${name}>`;
  const parts = Object.entries(content as Written);
  const attributes = parts.filter(([key]) => key.startsWith('@')).map(([key, value]) => ` ${key.slice(1)}="${escaped(String(value))}"`);
  return `<${name}${attributes.join('')}>${parts.filter(([key]) => !key.startsWith('@')).map(([key, value]) => element(key, value)).join('')}</${name}>`;
}

function escaped(text: string): string {
  return text.replaceAll(/[<>&"\r]/g, (letter) => `&#${letter.charCodeAt(0)};`).replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');
}

const token = /<\?xml[^>]*\?>|<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)([\w.:-]+)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/gy;

/** The root element, which must have this name; anything that is no plain XML is refused. */
export function parse(text: string, root: string): Element {
  const top = { name: '', text: '', children: [] as Element[], attributes: {} };
  const open: (typeof top)[] = [top];
  let [at, count] = [0, 0];
  const bare = text.replace(/^\ufeff/, '');
  for (const match of bare.matchAll(token)) {
    if (match.index !== at) break;
    at += match[0].length;
    const [, data, closing, name, attributes = '', empty, words] = match;
    const current = open.at(-1)!;
    if (words !== undefined || data !== undefined) current.text += data ?? unescaped(words ?? '');
    else if (name === undefined) continue;
    else if (closing === '/') {
      if (open.length < 2 || current.name !== localName(name)) throw malformed();
      open.pop();
    } else {
      const made = { name: localName(name), text: '', children: [], attributes: attributesOf(attributes) };
      current.children.push(made);
      if (empty !== '/') open.push(made);
      if (++count > mostElements || open.length > mostDepth) throw malformed();
    }
  }
  const [found] = top.children;
  if (at !== bare.length || open.length !== 1 || top.children.length !== 1 || top.text.trim() !== '' || found?.name !== root) throw malformed();
  return found;
}

/** The text of the only child of this name. */
export function textOf({ children }: Element, name: string): string | undefined {
  const found = children.filter((each) => each.name === name);
  if (found.length > 1) throw malformed();
  return found[0]?.text.trim();
}

export function childrenOf({ children }: Element, name: string): Element[] {
  return children.filter((each) => each.name === name);
}

export function childOf(element: Element, name: string): Element | undefined {
  return childrenOf(element, name)[0];
}

/** Refuses what the schema does not know. */
export function demandOnly({ children }: Element, names: readonly string[]): void {
  if (children.some(({ name }) => !names.includes(name))) throw malformed();
}

export function malformed(): Error {
  return refused('MalformedXML');
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function attributesOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/([\w.:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].map(([, name = '', one, other]) => [name, unescaped(one ?? other ?? '')]));
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replaceAll(/&([^;&]{0,12};?)/g, (_, entity: string) => {
    const [, decimal, hex, named] = /^(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w+));$/i.exec(entity) ?? [];
    const code = decimal === undefined ? (hex === undefined ? undefined : Number.parseInt(hex, 16)) : Number(decimal);
    const letter = code === undefined ? entities[named ?? ''] : code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
    if (letter === undefined) throw malformed();
    return letter;
  });
}
