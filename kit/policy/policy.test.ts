import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nobody, type Caller } from '../http/caller.ts';
import { PolicyFileError, readRules } from './file.ts';
import { createPolicy, Denial } from './policy.ts';

const caller = (more: Partial<Caller>): Caller => ({ ...nobody, userId: 'u', ...more, roles: new Set(more.roles ?? []) });
const allows = (text: string, who: Partial<Caller>, target: object = {}) => createPolicy({ it: text, also: 'role:reader' }).allows('it', caller(who), target as Record<string, unknown>);

test('a rule is what oslo.policy would make of it', () => {
  const reader = { roles: new Set(['reader']) };

  assert.equal(allows('', {}), true);
  assert.equal(allows('@', {}), true);
  assert.equal(allows('!', {}), false);
  assert.equal(allows('role:reader', reader), true);
  assert.equal(allows('not role:reader', reader), false);
  assert.equal(allows('role:a or role:b and role:reader', reader), false);
  assert.equal(allows('(role:a or role:reader) and rule:also', reader), true);
  assert.equal(allows('role:reader OR role:a', reader), true);
  assert.equal(allows('user_id:%(target.user.id)s', {}, { user: { id: 'u' } }), true);
  assert.equal(allows('user_id:%(user_id)s', {}, { user_id: 'other' }), false);
  assert.equal(allows('system_scope:all', { system: true }), true);
  assert.equal(allows("'manager':%(target.role.name)s", {}, { role: { name: 'manager' } }), true);
  assert.equal(allows('None:%(target.role.domain_id)s', {}, { role: { domain_id: null } }), true);
  assert.equal(allows('True:%(target.enabled)s', {}, { enabled: true }), true);
});

test('what the target does not have makes a check false, and its opposite true', () => {
  assert.equal(allows('domain_id:%(target.user.domain_id)s', { domainId: 'd' }), false);
  assert.equal(allows('not None:%(target.user.domain_id)s', {}), true);
  assert.equal(allows('user_id:%(constructor.name)s', { userId: 'Object' }), false);
  assert.equal(allows('domain_id:%(target.user.domain_id)s', {}, { user: { domain_id: null } }), false);
  assert.equal(allows('not domain_id:None', {}), false);
});

test('a rule that cannot be understood is refused with its name, before anybody is judged by it', () => {
  for (const text of ['role:a or', '(role:a', 'role:a role:b', 'nonsense', 'colour:blue', 'http://elsewhere', 'role:a and and role:b']) assert.throws(() => createPolicy({ it: text }), /the rule it/);
  assert.throws(() => createPolicy({ it: 'rule:other', other: 'rule:it' }), /asks itself/);
});

test('a rule that nobody wrote allows nobody anything, and says so', () => {
  const policy = createPolicy({});

  assert.throws(
    () => policy.demand('identity:unheard_of', caller({ isAdmin: true })),
    (error: Error & { status?: number }) => error.status === 403 && error.cause instanceof Denial && error.cause.rule === 'identity:unheard_of',
  );
});

test('an operator who replaces a rule replaces what asks it too', () => {
  const policy = createPolicy({ admin: 'role:admin', show: 'rule:admin', list: 'rule:show or role:reader', other: 'role:x' }, { admin: 'role:boss', other: 'role:x' });

  assert.equal(policy.allows('list', caller({ roles: new Set(['boss']) })), true);
  assert.deepEqual(['admin', 'show', 'list', 'other'].map((rule) => policy.isOverridden(rule)), [true, true, true, false]);
  assert.equal(policy.text('show'), 'rule:admin');
});

test('a rule may be for tokens of some scopes alone, whatever an operator makes of its text', () => {
  const policy = createPolicy({ make: 'role:admin', show: '' }, { make: '' }, { make: ['system', 'project'], show: ['project'] });

  const allowed = (who: Partial<Caller>) => ['make', 'show'].map((rule) => policy.allows(rule, caller(who)));
  assert.deepEqual(allowed({ system: true }), [true, false]);
  assert.deepEqual(allowed({ domainId: 'd' }), [false, false]);
  assert.deepEqual(allowed({ projectId: 'p' }), [true, true]);
  assert.deepEqual(allowed({}), [true, true], 'without a scope it counts as a project\'s');
  assert.throws(() => policy.demand('make', caller({ domainId: 'd' })), (error: Error) => error.cause instanceof Denial && error.cause.check === 'it is for tokens of system or project scope');
});

test('an operator writes rules as JSON, or as the lines of policy.yaml', () => {
  const expected = { 'identity:get_user': 'role:helper or rule:owner', anyone: '', 'os:x': "'a':%(b)s" };

  assert.deepEqual(readRules(JSON.stringify(expected), 'p'), expected);
  assert.deepEqual(readRules(`---\n# comment\n"identity:get_user": "role:helper or rule:owner"  # why\n\nanyone: ""\n'os:x': '''a'':%(b)s'\n`, 'p'), expected);
});

test('a file of rules that is not understood is refused with its line', () => {
  for (const text of ['"a": >\n  role:x', 'a:\n  - role:x', '"a": "b"\n"a": "c"', '["a"]', '"a": [b]']) assert.throws(() => readRules(text, 'policy.yaml'), PolicyFileError, text);
  assert.throws(() => readRules('"a": "role:x"\n"b" "role:y"', 'policy.yaml'), /policy\.yaml, line 2/);
  assert.throws(() => readRules('{"a": 1}', 'policy.json'), /the rule a must be text/);
});
