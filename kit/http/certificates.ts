/** Certificates of further names of a server: `<name>.crt` and `<name>.key` in a folder, taken anew when they change. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';

/** As names are in the DNS; what a client sends becomes part of a path. */
const hostName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** Undefined for a name that has none. */
export function certificatesIn(folder: string): (name: string) => SecureContext | undefined {
  const known = new Map<string, { changedMs: number; context: SecureContext }>();
  return (name) => {
    const wanted = name.toLowerCase();
    if (!hostName.test(wanted)) return undefined;
    const [certificate, key] = [join(folder, `${wanted}.crt`), join(folder, `${wanted}.key`)];
    const changedMs = statSync(certificate, { throwIfNoEntry: false })?.mtimeMs;
    if (changedMs === undefined) return undefined;
    const before = known.get(wanted);
    if (before?.changedMs === changedMs) return before.context;
    const context = createSecureContext({ cert: readFileSync(certificate), key: readFileSync(key) });
    known.set(wanted, { changedMs, context });
    return context;
  };
}
