/** The door of services that were asked by signed requests. keystone/api/{ec2tokens,s3tokens}.py */
import { signatureTokens as contract } from '../../contract/identity/signature-tokens.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import type { IdentityParts } from './parts.ts';
import { invalid } from './refusals.ts';
import { tokenForEc2Request, tokenForS3Request } from './signature-tokens.ts';
import { partsFor, render } from './tokens.api.ts';

export function signatureTokensDoor(parts: IdentityParts) {
  return implement(contract, {
    async ec2(request) {
      const { credentials, credential, ec2Credentials } = request.body;
      const signed = credentials ?? credential ?? ec2Credentials;
      if (!signed) throw invalid('request must include a request body');
      const { token, claims } = await tokenForEc2Request(partsFor(parts, request, '/ec2tokens'), signed);
      return new Answer(await request.read((tx) => render(parts, tx, claims, true)), { headers: { 'x-subject-token': token } });
    },
    async s3(request) {
      const { credentials, credential, ec2Credentials } = request.body;
      const signed = credentials ?? credential ?? ec2Credentials;
      if (!signed) throw invalid('request must include a request body');
      const { claims } = await tokenForS3Request(partsFor(parts, request, '/s3tokens'), signed);
      // Who asks is told whose request it is; nobody is given the token itself.
      return request.read((tx) => render(parts, tx, claims, true));
    },
  });
}
