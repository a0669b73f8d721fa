/** How a machine becomes a host: by a token, once. The token says which authority the gate has, so that nobody else can take its place. */
import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:tls';
import { gateName, gatePath, type GateAddress, type HostIdentity, type JoinAnswer, type JoinWish } from './enrolment.ts';

export type HostToken = { hostId: string; secret: string; /** SHA-256 of the authority's certificate, base64url. */ authority: string };

const answersWithinMs = 30_000;
const mostAnswerBytes = 65_536;

export function writeToken({ hostId, secret, authority }: HostToken): string {
  return `${hostId}.${secret}.${authority}`;
}

/** Undefined: this is no token. */
export function readToken(text: string): HostToken | undefined {
  const [, hostId, secret, authority] = /^([0-9a-f-]{36})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})$/.exec(text.trim()) ?? [];
  return hostId === undefined || secret === undefined || authority === undefined ? undefined : { hostId, secret, authority };
}

export function fingerprintOf(certificate: string): string {
  return createHash('sha256').update(new X509Certificate(certificate).raw).digest('base64url');
}

/** `key`: this host's own, as PEM, which stays here. Asked again with the same one, it is answered again until the host has come. */
export async function joinRegion({ gate, token, key }: { gate: GateAddress; token: HostToken; key: string }): Promise<JoinAnswer & { identity: HostIdentity; /** By which it went there. */ address: string }> {
  const authority = await authorityOf(gate, token.authority);
  const wish: JoinWish = { host_id: token.hostId, secret: token.secret, public_key: createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64') };
  const { answer, address } = await asked(gate, authority, wish);
  return { ...answer, address, identity: { hostId: token.hostId, key, certificate: answer.certificate, authority } };
}

/** Nothing is said on this connection: it only shows whose certificate is there, and that is compared with what the token says. */
function authorityOf({ host, port }: GateAddress, expected: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, servername: gateName, rejectUnauthorized: false, timeout: answersWithinMs }, () => {
      const issuer = socket.getPeerX509Certificate()?.issuerCertificate;
      socket.destroy();
      if (issuer && fingerprintOf(issuer.toString()) === expected) resolve(issuer.toString());
      else reject(new Error(`What answers at ${host}:${port} is not the gate that the token is for`));
    });
    socket.once('timeout', () => socket.destroy(new Error('no answer in time')));
    socket.once('error', (cause) => reject(new Error(`The gate at ${host}:${port} was not reached: ${cause.message}`, { cause })));
  });
}

function asked({ host, port }: GateAddress, authority: string, wish: JoinWish): Promise<{ answer: JoinAnswer; address: string }> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify(wish);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = httpsRequest({ host, port, servername: gateName, ca: [authority], minVersion: 'TLSv1.3', agent: false, method: 'POST', path: gatePath.join, headers, signal: AbortSignal.timeout(answersWithinMs) }, (response) => {
      let text = '';
      const address = response.socket.localAddress ?? '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
        if (text.length > mostAnswerBytes) response.destroy(new Error('it answered too much'));
      });
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 200) return resolve({ answer: JSON.parse(text) as JoinAnswer, address });
        reject(new Error(refusalIn(text) ?? `The gate answered ${response.statusCode}`));
      });
    });
    request.once('error', (cause) => reject(new Error(`The gate at ${host}:${port} did not answer: ${cause.message}`, { cause })));
    request.end(body);
  });
}

function refusalIn(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { message?: string }).message;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
