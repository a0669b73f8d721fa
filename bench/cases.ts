/**
 * What is asked of a service when it is measured: data, the same for every cloud. A suite is a list of cases in the
 * order in which they are run; what a case makes, later ones show, change and delete.
 */
import type { Endpoint, Reply } from './endpoint.ts';

export type Ask = { method: string; path: string; body?: unknown; headers?: Record<string, string> };

/** Ids and other texts by noun: of what was prepared, and of what cases made. */
export type Ground = Record<string, string[]>;

export type Case = {
  name: string;
  kind: 'read' | 'write';
  ask(ground: Ground, index: number): Ask;
  /** Where is kept what an answer, or its request, says was made. */
  makes?: { noun: string; idOf(reply: Reply, path: string): string };
  /** Once for each of these, not as often as may be. */
  each?: string;
  /** Once for each of these, and then they are gone. */
  takes?: string;
  /** Slow on purpose, such as the hash of a password: told apart, and part of no promise. */
  isSlowByDesign?: true;
};

export type BareRoute = {
  path: string;
  /** With one parameter. */
  query: string;
  parameter(request: { params: Record<string, string>; query: Record<string, string> }): string;
  /** The answer is all rows, not one. */
  isList?: true;
};

export type Suite = {
  service: string;
  /** What there is before the first case. */
  prepare(endpoint: Endpoint): Promise<Ground>;
  cases: readonly Case[];
  /** What is compared with the least that could answer it: Fastify and one query. Of what is prepared, not of what cases make. */
  reads: readonly (Case & { bare: BareRoute })[];
  /** As many as a large cloud has, by SQL; its statistics are made afterwards. None: it is not measured how this suite grows. */
  fill: readonly string[];
  /** Where the service keeps its things: the beginning of the database's name. */
  database: 'intercloud_home' | 'intercloud_region';
  /** Deletes what there was before the first case; what the cases make, they delete. */
  clear(endpoint: Endpoint, ground: Ground): Promise<void>;
};

export type NounShape = {
  noun: string;
  path: string;
  /** Of a body: `{ user: … }`. */
  key: string;
  wish(ground: Ground, index: number): object;
  change(index: number): object;
  /** Of a list that is as long in every cloud, however much the cases make. */
  list: { of: string; query(ground: Ground): string };
  /** Between those that read and those that change. */
  more?: readonly Case[];
};

/** The five of every noun. */
export function noun({ noun: name, path, key, wish, change, list, more = [] }: NounShape): Case[] {
  const one = (ground: Ground, index: number) => `${path}/${pick(ground, name, index)}`;
  return [
    { name: `${name} create`, kind: 'write', ask: (ground, index) => ({ method: 'POST', path, body: { [key]: wish(ground, index) } }), makes: { noun: name, idOf: ({ body }) => (body as Record<string, { id: string }>)[key]!.id } },
    { name: `${name} show`, kind: 'read', ask: (ground, index) => ({ method: 'GET', path: one(ground, index) }) },
    { name: `${name} list, ${list.of}`, kind: 'read', ask: (ground) => ({ method: 'GET', path: `${path}${list.query(ground)}` }) },
    ...more,
    { name: `${name} update`, kind: 'write', each: name, ask: (ground, index) => ({ method: 'PATCH', path: one(ground, index), body: { [key]: change(index) } }) },
    { name: `${name} delete`, kind: 'write', takes: name, ask: (ground, index) => ({ method: 'DELETE', path: one(ground, index) }) },
  ];
}

/** One after another, from the first again after the last. */
export function pick(ground: Ground, name: string, index = 0): string {
  const found = ground[name]?.[index % ground[name].length];
  if (found === undefined) throw new Error(`There is no ${name} to ask about`);
  return found;
}

/** So many at a time; `work` gets every index once. */
export async function atOnce(times: number, concurrency: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(concurrency, times) }, async () => {
      while (next < times) await work(next++);
    }),
  );
}

/** A name that nobody else has. */
export function nameOf(kind: string, index: number): string {
  return `bench-${process.pid}-${kind}-${index}-${Math.random().toString(36).slice(2, 8)}`;
}
