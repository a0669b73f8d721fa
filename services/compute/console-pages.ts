/** What a browser shows of consoles: pages of ours around noVNC and xterm, whose files are served as they are. */
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from '../../kit/http/sockets.ts';
import { consolePath } from './consoles.ts';

const types: Record<string, string> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.mjs': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8' };

/** All files by name: no path that a client sends is looked up. */
export function consolePages(): Page[] {
  const ours = fileURLToPath(new URL('./console-pages/', import.meta.url));
  const noVnc = join(dirname(fileURLToPath(import.meta.resolve('@novnc/novnc'))), '..');
  const xterm = join(dirname(fileURLToPath(import.meta.resolve('@xterm/xterm'))), '..');
  return [
    ...pages(ours, ['*.{html,js,css}'], ''),
    ...pages(noVnc, ['core/**/*.js', 'vendor/**/*.js'], '/novnc'),
    ...pages(join(xterm, 'lib'), ['xterm.mjs'], '/xterm'),
    ...pages(join(xterm, 'css'), ['xterm.css'], '/xterm'),
  ];
}

function pages(folder: string, patterns: readonly string[], below: string): Page[] {
  return globSync(patterns, { cwd: folder }).map((name) => ({ path: `${consolePath}${below}/${name}`, contentType: types[extname(name)]!, read: () => readFile(join(folder, name)) }));
}
