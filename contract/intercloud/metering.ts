/** What was used, by whom, for how long; and what two clouds that count the same think of it. */
import { agreements, disputes, statements } from './metering/agreements.ts';
import { usage } from './metering/usage.ts';
import { nativeService } from './native.ts';

export const metering = nativeService({ name: 'metering', title: 'Metering', nouns: { usage, agreements, statements, disputes } });
