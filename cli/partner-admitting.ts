/** The other side of `partner add`: what the owner of a cloud does that somebody else's cloud may rent of it. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createClient } from '../contract/client.ts';
import { identity } from '../contract/identity/service.ts';
import { metering } from '../contract/intercloud/metering.ts';
import { baseUrl } from '../supervisor/config.ts';
import { letIn } from './partner-letting-in.ts';
import { asAdmin, asFailure, limited, runningCloud } from './region.ts';

export type AdmitOptions = { passwordFile?: string; tolerance: number; lateHours: number };

const userName = 'intercloud';
const resources = ['server', 'volume', 'volume_snapshot'] as const;

/** A domain in which they make projects as they need them, whoever does it for them, and the agreement by which both count what is in it. */
export async function admitPartner(stateDir: string, name: string, { passwordFile, tolerance, lateHours, format }: AdmitOptions & { format: string }): Promise<void> {
  const cloud = await runningCloud(stateDir);
  const { base, token } = await asAdmin(cloud);
  const client = { base, token: () => token, fetch: limited };
  const people = createClient(identity, client);
  const password = randomBytes(18).toString('base64url');
  const { domainId } = await letIn(people, { domain: name, user: userName, password }).catch(asFailure);
  const id = `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').slice(0, 40)}-${randomBytes(4).toString('hex')}`;
  const terms = { id, role: 'provider' as const, peer: name, region: cloud.region, domain_id: domainId, keys: [], tolerance_seconds: tolerance, late_hours: lateHours, book_hash: '', resources: [...resources] };
  await createClient(metering, client).agreements.create({ body: terms }).catch(asFailure);
  const offer = { auth_url: `${base}/identity`, username: userName, user_domain: name, partner_region: cloud.region, domain_id: domainId, agreement: id };
  if (passwordFile !== undefined) writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (format === 'json') return void process.stdout.write(`${JSON.stringify({ ...offer, ...(passwordFile === undefined ? { password } : { password_file: passwordFile }) }, null, 2)}\n`);
  const secret = passwordFile === undefined ? `Its password, which is shown once: ${password}` : `Its password is in ${passwordFile}`;
  process.stdout.write(`${name} may use ${baseUrl(cloud)}. There, where the address reaches this cloud and the password is in a file:\n  intercloud partner add ${cloud.region} --auth-url ${offer.auth_url} --username ${userName} --user-domain ${name} --partner-region ${cloud.region} --password-file FILE --vcpus … --memory-gib … --disk-gib …\n${secret}\n`);
}
