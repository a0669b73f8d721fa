/**
 * Writes the documents in `contract/published/` anew: `node test/publish.ts`. They are committed, so that a change of a
 * promise is seen as one. What takes a promise back is refused, unless `--retract` says that this is meant.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { contracts } from '../contract/contracts.ts';
import { openApiOf } from '../contract/openapi.ts';
import { published, publishedFile, publishedFolder, textOf } from './published.ts';
import { takenBack } from './narrowing.ts';

const retract = process.argv.includes('--retract');
mkdirSync(publishedFolder, { recursive: true });
for (const service of contracts) {
  const before = published(service.type);
  const broken = before === undefined ? [] : takenBack(before, openApiOf(service));
  for (const each of broken) process.stdout.write(`${service.type}: ${each}\n`);
  if (broken.length > 0 && !retract) {
    process.stdout.write(`${service.type} is left as it was: this takes back what was promised. If it is meant: node test/publish.ts --retract\n`);
    process.exitCode = 1;
    continue;
  }
  writeFileSync(publishedFile(service.type), textOf(service));
}
