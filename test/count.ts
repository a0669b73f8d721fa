/** A reporter for `node --test` that only counts: one line of JSON at the end. */
import type { TestEvent } from 'node:test/reporters';

export default async function* count(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    // A file or a suite is as good as the tests in it, which are counted themselves.
    if (event.data.details.type === 'suite') continue;
    if (event.data.skip !== undefined) counts.skipped += 1;
    else if (event.type === 'test:pass' || event.data.todo !== undefined) counts.passed += 1;
    else counts.failed += 1;
  }
  yield JSON.stringify(counts);
}
