import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { createApi } from '../cloud.ts';
import { certificatesIn } from '../kit/http/certificates.ts';
import { ensureCertificates } from '../supervisor/certificates.ts';
import { startCloud } from './cloud.ts';

async function makeCertificate(folder: string) {
  const paths = { certificate: join(folder, 'server.crt'), key: join(folder, 'server.key'), authority: join(folder, 'authority.crt') };
  await ensureCertificates(paths, null);
  return { ...paths, fingerprint: new X509Certificate(readFileSync(paths.certificate)).fingerprint256 };
}

test('each host name is served by its own certificate, and every other one by the cloud’s', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [own, acme] = [await makeCertificate(join(folder, 'own')), await makeCertificate(join(folder, 'acme'))];
  const hosts = join(folder, 'hosts');
  mkdirSync(hosts);
  for (const [from, to] of [[acme.certificate, 'crt'], [acme.key, 'key']] as const) copyFileSync(from, join(hosts, `cloud.acme.example.${to}`));
  const { cloud } = await startCloud(t, { hosts: 1 });
  const door = createApi(cloud, { tls: { cert: readFileSync(own.certificate, 'utf8'), key: readFileSync(own.key, 'utf8'), contextOf: certificatesIn(hosts) } });
  t.after(() => door.drain());
  const port = Number(new URL(await door.listen({ host: '127.0.0.1', port: 0 })).port);
  const shownFor = (servername: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
        socket.destroy();
      }).once('error', reject);
    });

  assert.equal(await shownFor('cloud.acme.example'), acme.fingerprint);
  assert.equal(await shownFor('cloud.globex.example'), own.fingerprint);
  assert.equal(certificatesIn(hosts)('../own/server'), undefined, 'a name is no path');
});
