/** The least that could answer: Fastify, and one query for each request. Its arguments: a service and where its database is. */
import fastify from 'fastify';
import { Pool } from 'pg';
import type { Server } from './own-cloud.ts';
import { suitesOf } from './suites.ts';

const [service, address] = process.argv.slice(2);
const { reads } = suitesOf(service)[0]!;
const pool = new Pool({ ...(JSON.parse(address!) as Server & { database: string }), max: 10 });
const app = fastify();
for (const { bare } of new Map(reads.map((each) => [each.bare.path, each])).values())
  app.get(bare.path, async (request) => {
    const { params, query } = request as { params: Record<string, string>; query: Record<string, string> };
    const { rows } = await pool.query({ name: bare.path, text: bare.query, values: [bare.parameter({ params, query })] });
    return bare.isList === true ? { items: rows } : { item: rows[0] };
  });
process.stdout.write(`${await app.listen({ host: '127.0.0.1', port: 0 })}\n`);
