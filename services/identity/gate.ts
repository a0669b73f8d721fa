/** Who calls, at the door of every service: by the token alone, and for what its access rules allow. */
import type { Asked, Authenticate, Caller } from '../../kit/http/caller.ts';
import type { Database } from '../../kit/postgres/database.ts';
import { isAllowed } from './access-rules.ts';
import { listAccessRulesOf } from './access-rules.store.ts';
import type { AccessRule } from './delegation.ts';
import type { Tokens } from './tokens.ts';

const mostRemembered = 10_000;
const scope = { kind: 'system', reason: 'what a token may be used for' } as const;

export function createGate({ database, tokens }: { database: Database; tokens: Tokens }): Authenticate {
  // The rules of a credential never change: they are asked for once.
  const known = new Map<string, readonly AccessRule[]>();

  async function rulesOf(credentialId: string): Promise<readonly AccessRule[]> {
    const rules = await database.read(scope, (tx) => listAccessRulesOf(tx, credentialId));
    // The oldest entry is the first one.
    if (known.size >= mostRemembered) for (const oldest of known.keys()) { known.delete(oldest); break; }
    known.set(credentialId, rules);
    return rules;
  }

  return (token, asked) => {
    const found = tokens.find(token);
    const credential = found?.claims.applicationCredential;
    if (!found || !credential?.limited) return found?.caller;
    const rules = known.get(credential.id);
    return rules ? judge(found.caller, rules, asked) : rulesOf(credential.id).then((read) => judge(found.caller, read, asked));
  };
}

/** keystonemiddleware takes a token that is not for this request for an invalid one. */
function judge(caller: Caller, rules: readonly AccessRule[], asked: Asked | undefined): Caller | undefined {
  return asked && isAllowed(rules, asked) ? caller : undefined;
}
