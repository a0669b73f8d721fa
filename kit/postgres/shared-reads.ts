/**
 * Who reads at the same moment and in the same scope shares a connection: their statements go to the server by one write,
 * and it answers them without pausing in between. On a busy server most of what a small query costs is waking up for it.
 */
import type { Connection } from './connection.ts';
import type { Pool } from './pool.ts';

/** `leave` once, when nothing more is asked. */
export type Seat = { connection: Promise<Connection>; leave(): void };

/** Those who share. Whoever comes once it is on its way comes to another. */
type Round = { readers: number; onItsWay?: Connection };

// One backend answers them one after another.
const mostTogether = 16;

export class SharedReads {
  readonly #pool: Pool;
  /** By scope: those that may be joined. */
  readonly #open = new Map<string, Round & { connection: Promise<Connection> }>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  join(scope: string): Seat {
    const round = this.#open.get(scope) ?? this.#begin(scope);
    if (++round.readers === mostTogether) this.#close(scope, round);
    return { connection: round.connection, leave: () => this.#leave(round) };
  }

  #begin(scope: string): Round & { connection: Promise<Connection> } {
    const round = { readers: 0, connection: this.#pool.take(scope) };
    this.#open.set(scope, round);
    round.connection.then(
      (connection) => {
        // What else this process was woken for is read first: the next requests may want to come along.
        connection.hold();
        setImmediate(() => this.#depart(scope, round, connection));
      },
      () => this.#close(scope, round),
    );
    return round;
  }

  #depart(scope: string, round: Round, connection: Connection): void {
    this.#close(scope, round);
    round.onItsWay = connection;
    connection.flush();
    if (round.readers === 0) this.#pool.give(connection);
  }

  #close(scope: string, round: Round): void {
    if (this.#open.get(scope) === round) this.#open.delete(scope);
  }

  #leave(round: Round): void {
    round.readers--;
    const { readers, onItsWay: connection } = round;
    if (readers > 0 || !connection) return;
    // Whoever is lent it next must not fail by what these did not wait for.
    connection.flush();
    this.#pool.give(connection);
  }
}
