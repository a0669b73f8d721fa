/** The broker: where machines go among all regions, why, and what they would cost elsewhere. */
import { candidates, decisions } from './broker/decisions.ts';
import { fleets } from './broker/fleets.ts';
import { labels } from './broker/labels.ts';
import { defaultPolicy, policy } from './broker/policies.ts';
import { nativeService } from './native.ts';

export const broker = nativeService({ name: 'broker', title: 'Broker', nouns: { policy, defaultPolicy, candidates, decisions, fleets, labels } });
