/** The promise does not change by accident: what is published is in git, and nothing is taken back. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Type } from 'typebox';
import { since, until } from '../contract/contract.ts';
import { contracts } from '../contract/contracts.ts';
import { openApiOf } from '../contract/openapi.ts';
import { checker } from '../kit/http/schema.ts';
import { takenBack } from './narrowing.ts';
import { published, publishedFile, publishedFolder, textOf } from './published.ts';

type Json = Record<string, unknown>;

test('every service is published, and nothing else', () => {
  assert.deepEqual(readdirSync(publishedFolder).sort(), contracts.map(({ type }) => `${type}.json`).sort());
});

test('every service that is declared is promised', () => {
  const folder = new URL('../contract/', import.meta.url);
  const declared = readdirSync(folder).filter((name) => existsSync(new URL(`${name}/service.ts`, folder)));

  assert.deepEqual([...readFileSync(new URL('contracts.ts', folder), 'utf8').matchAll(/'\.\/([\w-]+)\/service\.ts'/g)].map(([, name]) => name ?? '').sort(), declared.sort());
});

for (const service of contracts) {
  test(`what is published of ${service.type} is its contract (after a change: node test/publish.ts)`, () => {
    assert.ok(readFileSync(publishedFile(service.type), 'utf8') === textOf(service), `contract/published/${service.type}.json is not what the contract says`);
  });

  test(`${service.type} takes nothing back that it has published`, () => {
    assert.deepEqual(takenBack(published(service.type) ?? {}, openApiOf(service)), []);
  });
}

test('every operation has a name of its own within its service', () => {
  for (const { nouns, type } of contracts) {
    const addresses = Object.values(nouns).flatMap((operations) => Object.values(operations).map(({ method, path, action }) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')} ${action ?? ''}`));
    assert.deepEqual(addresses.filter((each, index) => addresses.indexOf(each) !== index), [], `${type} has two operations at one address`);
  }
});

test('a field that may be left out may still be left out when it is marked with a microversion', () => {
  const schema = Type.Object({ marked: since('2.2', Type.Optional(Type.String())), ended: until('2.2', Type.Optional(Type.String())) });

  assert.equal(checker(schema)({}), undefined);
  assert.equal(schema.properties.marked['x-since' as 'type'], '2.2');
});

/** A small document, and all that can be done to it. */
const document: Json = {
  info: { 'x-min-version': '2.1', 'x-max-version': '2.5' },
  paths: {
    '/things': {
      post: {
        'x-access': { rule: 'thing:create', who: 'reader', adminEverywhere: true },
        parameters: [{ name: 'all', in: 'query', required: false, schema: { type: 'string', maxLength: 10 } }],
        requestBody: {
          required: false,
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['name'],
                properties: { name: { type: 'string', maxLength: 255 }, kind: { enum: ['a', 'b'] }, size: { anyOf: [{ type: 'integer' }, { type: 'null' }] } },
              },
            },
          },
        },
        responses: { '200': { content: { 'application/json': { schema: { type: 'object', required: ['id'], properties: { id: { type: 'string' }, note: { type: 'string' } } } } } } },
      },
      get: { 'x-access': { rule: 'thing:list', who: 'user' }, parameters: [], responses: { '200': {} } },
    },
  },
};

const post = ['paths', '/things', 'post'];
const body = [...post, 'requestBody', 'content', 'application/json', 'schema'];
const reply = [...post, 'responses', '200', 'content', 'application/json', 'schema'];

const breaks: { title: string; change: (copy: Json) => void; says: RegExp }[] = [
  { title: 'an operation is removed', change: (copy) => drop(copy, 'paths', '/things', 'get'), says: /GET \/things is gone/ },
  { title: 'a higher role is asked for', change: (copy) => put(copy, 'member', ...post, 'x-access', 'who'), says: /reader may no longer call it/ },
  { title: 'administrators lose their reach', change: (copy) => drop(copy, ...post, 'x-access', 'adminEverywhere'), says: /no longer reach every project/ },
  { title: 'a microversion is dropped', change: (copy) => put(copy, '2.4', 'info', 'x-max-version'), says: /newest microversion/ },
  { title: 'a query parameter is removed', change: (copy) => put(copy, [], ...post, 'parameters'), says: /parameter query all is gone/ },
  { title: 'a body becomes necessary', change: (copy) => put(copy, true, ...post, 'requestBody', 'required'), says: /now needs a body/ },
  { title: 'a field of a request is removed', change: (copy) => drop(copy, ...body, 'properties', 'kind'), says: /body\.kind is gone/ },
  { title: 'a field of a request becomes necessary', change: (copy) => put(copy, ['name', 'kind'], ...body, 'required'), says: /body\.kind is now required/ },
  { title: 'a new field of a request is necessary', change: (copy) => (put(copy, { type: 'string' }, ...body, 'properties', 'colour'), put(copy, ['name', 'colour'], ...body, 'required')), says: /body\.colour is now required/ },
  { title: 'other fields are refused', change: (copy) => put(copy, false, ...body, 'additionalProperties'), says: /no longer takes other fields/ },
  { title: 'a value is removed', change: (copy) => put(copy, ['a'], ...body, 'properties', 'kind', 'enum'), says: /no longer knows the value "b"/ },
  { title: 'a length shrinks', change: (copy) => put(copy, 64, ...body, 'properties', 'name', 'maxLength'), says: /maxLength went down to 64/ },
  { title: 'a pattern appears', change: (copy) => put(copy, '^a', ...body, 'properties', 'name', 'pattern'), says: /pattern is now/ },
  { title: 'null is taken no longer', change: (copy) => put(copy, { type: 'integer' }, ...body, 'properties', 'size'), says: /no longer be of type null/ },
  { title: 'a field of a reply is removed', change: (copy) => drop(copy, ...reply, 'properties', 'note'), says: /200\.note is gone/ },
  { title: 'a field of a reply may be missing', change: (copy) => put(copy, [], ...reply, 'required'), says: /200\.id may now be missing/ },
  { title: 'a field of a reply may be null', change: (copy) => put(copy, { anyOf: [{ type: 'string' }, { type: 'null' }] }, ...reply, 'properties', 'id'), says: /200\.id may now be of type null/ },
  { title: 'another status is answered', change: (copy) => (put(copy, {}, ...post, 'responses', '201'), drop(copy, ...post, 'responses', '200')), says: /no longer answers 200/ },
];

for (const { title, change, says } of breaks)
  test(`it is noticed when ${title}`, () => {
    const copy = structuredClone(document);

    change(copy);

    const found = takenBack(document, copy);
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] ?? '', says);
  });

test('adding takes nothing back', () => {
  const copy = structuredClone(document);

  put(copy, { type: 'string' }, ...body, 'properties', 'colour');
  put(copy, ['a', 'b', 'c'], ...body, 'properties', 'kind', 'enum');
  put(copy, { type: 'string' }, ...reply, 'properties', 'colour');
  put(copy, '2.6', 'info', 'x-max-version');
  put(copy, { get: {} }, 'paths', '/others');
  put(copy, 'user', ...post, 'x-access', 'who');

  assert.deepEqual(takenBack(document, copy), []);
});

function put(into: Json, value: unknown, ...path: string[]): void {
  const last = path.pop() ?? '';
  (path.reduce<Json>((here, key) => here[key] as Json, into))[last] = value;
}

function drop(from: Json, ...path: string[]): void {
  const last = path.pop() ?? '';
  delete path.reduce<Json>((here, key) => here[key] as Json, from)[last];
}
