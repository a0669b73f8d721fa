/** Certificates of tokens of a kind that is no more: keystone/api/os_simple_cert.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';

const gone = { access: { rule: 'identity:simple_cert', who: 'anyone' }, stability: 'deprecated', deprecation: { since: '2016-10-06' }, status: 200, response: Type.Object({}) } as const;

export const simpleCertificates = operations({
  authority: { method: 'GET', path: '/OS-SIMPLE-CERT/ca', summary: 'Show the certificate of who vouched for tokens: gone', ...gone },
  list: { method: 'GET', path: '/OS-SIMPLE-CERT/certificates', summary: 'Show the certificates that tokens were signed with: gone', ...gone },
});
