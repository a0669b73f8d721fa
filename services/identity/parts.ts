/** What identity's own doors share. */
import type { HomeParts } from '../parts.ts';
import type { Catalogs } from './catalog.ts';
import type { Directory } from './directory.ts';
import type { Passwords } from './passwords.ts';
import type { Tokens } from './tokens.ts';
import type { Vault } from './vault.ts';

export type IdentityParts = HomeParts & { directory: Directory; passwords: Passwords; tokens: Tokens; vault: Vault; catalogs: Catalogs };

/** As keystone makes ids: 32 hex digits. */
export function newId({ random }: Pick<HomeParts, 'random'>): string {
  return random.uuid().replaceAll('-', '');
}
