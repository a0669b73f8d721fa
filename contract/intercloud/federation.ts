/** Federation: how the places of one cloud hold together. */
import { feed } from './federation/feed.ts';
import { leases } from './federation/leases.ts';
import { regions } from './federation/regions.ts';
import { signers } from './federation/signers.ts';
import { nativeService } from './native.ts';

export const federation = nativeService({ name: 'federation', title: 'Federation', nouns: { regions, feed, leases, signers } });
