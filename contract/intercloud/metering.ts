/** What was used, by whom, for how long; and what two clouds that count the same think of it. */
import { nativeService } from './native.ts';
import { usage } from './metering/usage.ts';

export const metering = nativeService({ name: 'metering', title: 'Metering', nouns: { usage } });
