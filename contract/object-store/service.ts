/** The object store, as Swift shows it. */
import { service, type FaultFacts, type Shaped } from '../contract.ts';
import { accounts } from './accounts.ts';
import { capabilities } from './capabilities.ts';
import { containers } from './containers.ts';
import { objects } from './objects.ts';
import { servicePath, shortPath } from './paths.ts';
import { explanationOf, reasonOf } from './reasons.ts';

const info = () => capabilities;

/** For plugins of browsers that ask what pages of other domains may read; below here only. swift/common/middleware/crossdomain.py */
const crossDomainPolicy = `<?xml version="1.0"?>
<!DOCTYPE cross-domain-policy SYSTEM "http://www.adobe.com/xml/dtds/cross-domain-policy.dtd" >
<cross-domain-policy>
<allow-access-from domain="*" secure="false" />
</cross-domain-policy>`;

export const objectStore = service({
  type: 'object-store',
  name: 'swift',
  title: 'Object store',
  root: '/object-store',
  path: servicePath,
  catalogPath: `${servicePath}/AUTH_{project_id}`,
  // Where Swift alone would be: many clients have it as a constant.
  olderPath: shortPath,
  projectInPath: false,
  // swift/common/constraints.py, check_utf8, as swift/proxy/server.py answers it.
  nulInPath: { status: 412, message: 'Invalid UTF8 or contains NULL' },
  where: 'region',
  transactionIds: true,
  titledHeaders: true,
  asksForTokens: true,
  discovery: [
    { path: '/object-store/info', status: 200, document: info, contentType: 'application/json; charset=UTF-8' },
    { path: '/object-store/healthcheck', status: 200, document: () => 'OK', contentType: 'text/plain; charset=UTF-8' },
    { path: '/object-store/crossdomain.xml', status: 200, document: () => crossDomainPolicy, contentType: 'application/xml' },
    // Clients ask at the root of the host, whatever the path of the endpoint is.
    { path: '/info', status: 200, document: info, contentType: 'application/json; charset=UTF-8' },
    { path: '/healthcheck', status: 200, document: () => 'OK', contentType: 'text/plain; charset=UTF-8' },
  ],
  shape,
  nouns: { accounts, containers, objects },
});

/** swift/common/swob.py: HTML where there is nothing to say but what the status says, plain text else. */
function shape({ status, message }: FaultFacts): Shaped {
  const explanation = explanationOf(status);
  if (message !== '' && message !== explanation) return { contentType: 'text/plain; charset=UTF-8', body: message };
  return { contentType: 'text/html; charset=UTF-8', body: `<html><h1>${reasonOf(status)}</h1><p>${explanation}</p></html>` };
}
