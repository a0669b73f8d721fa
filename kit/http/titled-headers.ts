/**
 * Names of response headers as `X-Container-Meta-Colour`. HTTP takes no notice of their case, and clients that look for
 * prefixes do: openstacksdk, openstack/object_store/v1/_base.py, _set_metadata. Swift's servers write them so (swift/common/header_key_dict.py).
 */
import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

const titles = new Map<string, string>();
/** What users name themselves is not kept for ever. */
const mostKept = 1_000;

/** Of this response, whoever sets them from now on. */
export function titleHeaders(response: ServerResponse): void {
  const { setHeader, writeHead } = response;
  response.setHeader = (name, value) => setHeader.call(response, titled(name), value);
  response.writeHead = ((status: number, headers: OutgoingHttpHeaders = {}) => {
    const named: Record<string, OutgoingHttpHeader> = {};
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) named[titled(name)] = value;
    return writeHead.call(response, status, named as OutgoingHttpHeaders);
  }) as typeof writeHead;
}

function titled(name: string): string {
  const known = titles.get(name);
  if (known !== undefined) return known;
  const title = name.toLowerCase().replaceAll(/(^|-)[a-z]/g, (start) => start.toUpperCase());
  if (titles.size < mostKept) titles.set(name, title);
  return title;
}
