/** XML as a tree: whatever a name or path contains, it ends up as text. */

export type Xml = { name: string; attributes: Record<string, string | number>; children: (Xml | string)[] };

export function element(name: string, attributes: Record<string, string | number> = {}, ...children: (Xml | string | null)[]): Xml {
  return { name, attributes, children: children.filter((child) => child !== null) };
}

export function toText({ name, attributes, children }: Xml): string {
  const start = `<${name}${Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value))}"`).join('')}`;
  if (children.length === 0) return `${start}/>`;
  return `${start}>${children.map((child) => (typeof child === 'string' ? escaped(child) : toText(child))).join('')}</${name}>`;
}

function escaped(text: string): string {
  // Control characters cannot be written in XML 1.0 at all.
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '').replace(/[&<>"'\r\n\t]/g, (character) => `&#${character.charCodeAt(0)};`);
}
