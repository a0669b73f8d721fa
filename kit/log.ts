import { pino, stdSerializers, type Bindings, type ChildLoggerOptions, type DestinationStream, type Level, type Logger } from 'pino';
import { HIDDEN, Secret } from './secret.ts';

export type Log = Logger;

export type LogOptions = {
  /** The role that writes: api, worker, agent, … */
  name: string;
  level: Level | 'silent';
  /** Standard output without it. */
  destination?: DestinationStream;
};

/** Writes one line of JSON for each entry. What is named like a secret, or looks like a key, is hidden at any depth. */
export function createLog({ name, level, destination }: LogOptions): Log {
  const options = {
    name,
    level,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (entry: Record<string, unknown>) => redactRecord(entry),
    },
    // Errors are written out by redact, at any depth; pino would do it to the result again.
    serializers: { err: (err: unknown) => err },
    // Messages and causes are text that others wrote: they are searched once more, as the line that leaves.
    hooks: { streamWrite: redactText },
  };
  const log = destination ? pino(options, destination) : pino(options);

  // Pino does not hand a child's bindings to the formatters of its parent.
  const child: (this: Log, bindings: Bindings, options?: ChildLoggerOptions) => Log = log.child;
  return Object.assign(log, {
    child(this: Log, bindings: Bindings, childOptions?: ChildLoggerOptions) {
      return child.call(this, redactRecord(bindings), childOptions);
    },
  });
}

// Compared without case, '-' and '_', so that adminPass, admin_pass and X-Auth-Token are all found.
const SECRET_NAMES = new Set([
  'authorization', 'cookie', 'setcookie', 'proxyauthorization',
  'xauthtoken', 'xsubjecttoken', 'xservicetoken', 'token',
  'password', 'originalpassword', 'adminpass', 'adminpassword', 'passphrase', 'passwordhash',
  'secret', 'clientsecret', 'secretkey', 'sharedsecret', 'privatekey', 'signingkey',
  'userdata',
]);

// An entry nested deeper than this is a mistake or an attack; the log is no place for it.
const DEPTH = 8;

function redactRecord(record: object, depth = DEPTH): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, isSecretName(key) && value != null ? HIDDEN : redact(value, depth)]),
  );
}

function redact(value: unknown, depth: number): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Secret) return HIDDEN;
  if (depth === 0) return '[deep]';
  if (value instanceof Error) return redactRecord(stdSerializers.err(value), depth - 1);
  if (Array.isArray(value)) return value.map((item) => redact(item, depth - 1));
  if (value instanceof Map) return redactRecord(Object.fromEntries(value), depth - 1);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return redact(value.toJSON(), depth - 1);
  return redactRecord(value, depth - 1);
}

function isSecretName(key: string): boolean {
  return SECRET_NAMES.has(key.toLowerCase().replaceAll(/[-_]/g, ''));
}

function redactText(line: string): string {
  let text = line;
  if (text.includes('PRIVATE KEY-----'))
    text = text.replaceAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|(?=")|$)/gs, HIDDEN);
  if (text.includes('://')) text = text.replaceAll(/(:\/\/[^\s:@/"]*:)[^\s@/"]+@/g, `$1${HIDDEN}@`);
  return text;
}
