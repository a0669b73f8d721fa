/** The object store, as Amazon's S3 shows it. */
import { service, type FaultFacts, type Shaped } from '../contract.ts';
import { account } from './account.ts';
import { buckets } from './buckets.ts';
import { objects } from './objects.ts';
import { servicePath } from './paths.ts';
import { reasonNamed, reasons } from './reasons.ts';

export const s3 = service({
  type: 's3',
  name: 's3',
  title: 'Object store by the API of Amazon S3',
  root: servicePath,
  path: servicePath,
  catalogPath: servicePath,
  projectInPath: false,
  where: 'region',
  asksForTokens: true,
  discovery: [],
  shape,
  nouns: { account, buckets, objects },
});

function shape({ status, code, message, requestId }: FaultFacts): Shaped {
  const reason = reasonNamed(code, status);
  const words = message === '' ? reasons[reason][1] : message;
  return {
    contentType: 'application/xml',
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${reason}</Code><Message>${escaped(words)}</Message><RequestId>${escaped(requestId)}</RequestId></Error>`,
    headers: { 'x-amz-request-id': requestId },
  };
}

function escaped(text: string): string {
  return text.replaceAll(/[<>&"]/g, (letter) => `&#${letter.charCodeAt(0)};`).replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');
}
