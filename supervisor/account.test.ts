import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { commandAs, serviceAccount } from './account.ts';

const run = promisify(execFile);
const skip = process.getuid?.() === 0 ? false : 'only root can give itself up';

for (const { title, mode } of [
  { title: 'a checkout that everybody may read', mode: 0o755 },
  { title: 'a checkout in a closed folder, cloned with a umask of 077', mode: 0o700 },
])
  test(`an account of its own runs the code of ${title}, and reads none of its other files (ATTACKS 45)`, { skip }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'checkout-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const place = `${folder}.shown`;
    t.after(() => rmSync(place, { recursive: true, force: true }));
    const fileMode = mode & 0o666;
    for (const path of ['kit', 'node_modules/dependency']) mkdirSync(join(folder, path), { recursive: true });
    write('main.ts', `import { readFileSync, readdirSync } from 'node:fs'; import name from './kit/name.ts'; import { from } from 'dependency';
      const told: object = { uid: process.getuid!(), groups: process.getgroups!(), name, from, package: JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')).version };
      try { readFileSync(process.argv[2]!); } catch (error) { Object.assign(told, { secret: (error as NodeJS.ErrnoException).code }); }
      console.log(JSON.stringify(told));`);
    write('kit/name.ts', `export default 'web';`);
    write('package.json', '{ "type": "module", "version": "1" }');
    write('node_modules/dependency/package.json', '{ "type": "module", "exports": "./index.js" }', 0o644);
    write('node_modules/dependency/index.js', `export const from = 'npm';`, 0o644);
    write('mine.pem', 'a key', 0o600);
    // As mkdir leaves them, whatever the umask of the tests.
    for (const path of ['', 'kit']) chmodSync(join(folder, path), mode);
    for (const path of ['node_modules', 'node_modules/dependency']) chmodSync(join(folder, path), 0o755);

    const { command, code } = commandAs(serviceAccount, process.execPath, [], folder, place);
    const [file, ...args] = command;
    const { stdout } = await run(file, [...args, join(code, 'main.ts'), join(code, 'mine.pem')], { timeout: 30_000 });

    assert.deepEqual(JSON.parse(stdout), { uid: serviceAccount.uid, groups: [serviceAccount.gid], name: 'web', from: 'npm', package: '1', secret: mode === 0o700 ? 'ENOENT' : 'EACCES' });

    function write(path: string, text: string, own = fileMode): void {
      writeFileSync(join(folder, path), text);
      chmodSync(join(folder, path), own);
    }
  });
