/** How passwords must be and how long they are good: keystone/conf/security_compliance.py, by its names. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { firstOptions } from './domain-options.store.ts';
import { defaultDomainId } from './domains.ts';
import { badPassword, invalid } from './refusals.ts';
import type { UserOptions } from './users.store.ts';

export type PasswordPolicy = {
  /** Null: nobody is locked out. */
  lockoutFailureAttempts: number | null;
  /** Null: until an administrator enables the user again. */
  lockoutDurationMs: number | null;
  disableAfterInactiveDays: number | null;
  expiresDays: number | null;
  /** How many passwords, the new one among them, must all be different; 0 and 1: any may be taken again. */
  uniqueLastCount: number;
  minimumAgeDays: number;
  regex: RegExp | null;
  regexDescription: string | null;
  changeOnFirstUse: boolean;
};

export const passwordGroup = 'security_compliance';

type Kind = 'count' | 'flag' | 'regex' | 'text';

/** What may be configured, and how each value must be; null takes it away. */
const options: Readonly<Record<string, Kind>> = {
  lockout_failure_attempts: 'count',
  lockout_duration: 'count',
  disable_user_account_days_inactive: 'count',
  password_expires_days: 'count',
  unique_last_password_count: 'count',
  minimum_password_age: 'count',
  password_regex: 'regex',
  password_regex_description: 'text',
  change_password_upon_first_use: 'flag',
};

export const passwordOptions: readonly string[] = Object.keys(options);

/** What holds where nothing is configured. */
export const passwordDefaults: Readonly<Record<string, unknown>> = {
  lockout_failure_attempts: null,
  lockout_duration: 1800,
  disable_user_account_days_inactive: null,
  password_expires_days: null,
  unique_last_password_count: 2,
  minimum_password_age: 0,
  password_regex: null,
  password_regex_description: null,
  change_password_upon_first_use: false,
};

/** For users of this domain: what is configured for it, else what is configured for the default domain, which is the cloud's. */
export async function passwordPolicyOf(tx: Transaction, domainId: string): Promise<PasswordPolicy> {
  const found = { ...passwordDefaults, ...(await firstOptions(tx, [domainId, defaultDomainId], passwordGroup)) } as Record<string, never>;
  const seconds: number | null = found['lockout_duration'] ?? null;
  const regex: string | null = found['password_regex'] ?? null;
  return {
    lockoutFailureAttempts: found['lockout_failure_attempts'] ?? null,
    lockoutDurationMs: seconds === null ? null : seconds * 1000,
    disableAfterInactiveDays: found['disable_user_account_days_inactive'] ?? null,
    expiresDays: found['password_expires_days'] ?? null,
    uniqueLastCount: found['unique_last_password_count'] ?? 0,
    minimumAgeDays: found['minimum_password_age'] ?? 0,
    regex: regex === null ? null : compiled(regex),
    regexDescription: found['password_regex_description'] ?? null,
    changeOnFirstUse: found['change_password_upon_first_use'] ?? false,
  };
}

/** Refuses what no policy could go by. */
export function demandPasswordOption(option: string, value: unknown): void {
  const kind = options[option];
  if (value === null) return;
  const wrong = (must: string) => invalid(`Invalid input for field '${passwordGroup}.${option}': it must be ${must}`);
  switch (kind) {
    case undefined:
      throw invalid(`Invalid input for field '${passwordGroup}': there is no option ${option}`);
    case 'count':
      if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > 1_000_000_000) throw wrong('a whole number from 0 to 1000000000');
      return;
    case 'flag':
      if (typeof value !== 'boolean') throw wrong('true or false');
      return;
    case 'text':
      if (typeof value !== 'string' || value.length > 1000) throw wrong('text of at most 1000 characters');
      return;
    case 'regex':
      if (typeof value !== 'string' || value.length > 1000) throw wrong('text of at most 1000 characters');
      try {
        compiled(value);
      } catch (error) {
        throw wrong(`a regular expression: ${error instanceof Error ? error.message.slice(0, 200) : ''}`);
      }
      return;
    default:
      kind satisfies never;
  }
}

export function demandGoodPassword({ regex, regexDescription }: PasswordPolicy, password: string): void {
  if (regex !== null && !regex.test(password)) throw badPassword(regexDescription);
}

/** When a password that is set now is no longer good. */
export function endOfPassword(policy: PasswordPolicy, userOptions: UserOptions, now: Date, { isOwn }: { isOwn: boolean }): Date | null {
  if (!isOwn && policy.changeOnFirstUse && userOptions.ignore_change_password_upon_first_use !== true) return now;
  if (policy.expiresDays === null || policy.expiresDays === 0 || userOptions.ignore_password_expiry === true) return null;
  return new Date(Math.floor(now.getTime() / 1000) * 1000 + policy.expiresDays * dayMs);
}

export const dayMs = 86_400_000;

/** keystone matches at the beginning, as Python's re.match does, and Python names groups by (?P<name>. */
function compiled(text: string): RegExp {
  return new RegExp(`^(?:${text.replaceAll('(?P<', '(?<')})`, 'u');
}
