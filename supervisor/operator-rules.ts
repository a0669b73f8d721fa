/** The rules that an operator put in the place of those that the services come with: a file in the state folder. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { readRules } from '../kit/policy/file.ts';
import { createPolicy, type Rules } from '../kit/policy/policy.ts';
import { layoutOf } from './config.ts';

/** Nothing in it: everything is as it comes. */
export function readOperatorRules(stateDir: string): Rules {
  const { rules: path } = layoutOf(stateDir);
  try {
    return readRules(readFileSync(path, 'utf8'), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** Refuses what could not be judged by, with the line or the rule. */
export function keepOperatorRules(stateDir: string, file: string, defaults: Rules): Rules {
  const text = readFileSync(file, 'utf8');
  const rules = readRules(text, file);
  createPolicy(defaults, rules);
  const { rules: path } = layoutOf(stateDir);
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  // No secret: the account that serves reads it.
  writeFileSync(`${path}.new`, text, { mode: 0o644 });
  renameSync(`${path}.new`, path);
  return rules;
}
