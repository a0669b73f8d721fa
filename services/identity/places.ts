/** Where a role can be granted, and to whom. */
export type Place = { kind: 'project' | 'domain'; id: string } | { kind: 'system' };
export type Actor = { kind: 'user' | 'group'; id: string };

/** The whole cloud: what is no project's and no domain's. */
export const wholeSystem: Place = { kind: 'system' };
