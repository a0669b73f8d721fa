/** How many tokens one core verifies in a second, in this process: what every door does for every request. */
import { systemClock, systemRandom } from '../kit/clock.ts';
import { createTokens, type Known } from '../services/identity/tokens.ts';

export type Validations = { /** Each token for the first time. */ firstPerCoreSecond: number; /** Each as in any later request. */ laterPerCoreSecond: number };

const tokenCount = 10_000;

export function measureValidations(): Validations {
  const secret = systemRandom.bytes(32);
  const names = new Map([[1, 'admin'], [2, 'manager'], [3, 'member'], [4, 'reader']]);
  const directory: Known = { changes: 0, key: () => secret, signingKey: () => ({ id: 1, secret }), roleName: (number) => names.get(number), isRevokedAfter: () => false };
  const issuer = createTokens({ clock: systemClock, random: systemRandom, directory });
  const now = new Date();
  const id = () => systemRandom.bytes(16).toString('hex');
  const issue = () =>
    issuer.issue({
      userId: id(),
      userName: 'somebody',
      userDomainId: 'default',
      scope: { kind: 'project', id: id(), name: 'something', domainId: 'default' },
      roleNumbers: [1, 2, 3, 4],
      methods: ['password'],
      parentAuditId: undefined,
      applicationCredential: undefined,
      trustId: undefined,
      accessTokenId: undefined,
      ec2CredentialId: undefined,
      epoch: 0,
      issuedAt: now,
      expiresAt: new Date(now.getTime() + 3_600_000),
    }).token;
  const tokens = Array.from({ length: tokenCount }, issue);
  perCoreSecond(tokens, freshVerifier());
  const verifier = freshVerifier();
  return { firstPerCoreSecond: perCoreSecond(tokens, verifier), laterPerCoreSecond: perCoreSecond(tokens, verifier) };

  function freshVerifier() {
    return createTokens({ clock: systemClock, random: systemRandom, directory });
  }
}

function perCoreSecond(tokens: readonly string[], { callerOf }: Pick<ReturnType<typeof createTokens>, 'callerOf'>): number {
  const before = process.cpuUsage();
  for (const token of tokens) if (callerOf(token)?.isAdmin !== true) throw new Error('a good token was refused');
  const { user, system } = process.cpuUsage(before);
  return tokens.length / ((user + system) / 1_000_000);
}
