/** What a simulated machine shows to whoever opens its console: a dark screen by RFB, and a prompt on the serial line. */
import { Duplex } from 'node:stream';

/** Those that are open, by machine. */
export type Consoles = { add(serverId: string, line: Duplex): Duplex; end(serverId: string): void };

export function openConsoles(): Consoles {
  const open = new Map<string, Set<Duplex>>();
  return {
    add(serverId, line) {
      const lines = open.get(serverId) ?? new Set();
      open.set(serverId, lines.add(line));
      line.once('close', () => {
        lines.delete(line);
        if (lines.size === 0 && open.get(serverId) === lines) open.delete(serverId);
      });
      return line;
    },
    end(serverId) {
      for (const line of open.get(serverId) ?? []) line.push(null);
    },
  };
}

const width = 160;
const height = 100;

/** RFC 6143: no password, one screen, and nothing on it. */
export function screen(name: string): Duplex {
  const title = Buffer.from(name);
  const start = Buffer.alloc(24);
  start.writeUInt16BE(width, 0);
  start.writeUInt16BE(height, 2);
  // 32 bits for a pixel, 24 of them meant, in true colour: 8 for red, green and blue each.
  start.set([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0], 4);
  start.writeUInt32BE(title.length, 20);

  /** What the client says next, by how many bytes it is, and what is answered. */
  const greetings = [
    { bytes: 12, answer: Buffer.from([1, 1]) },
    { bytes: 1, answer: Buffer.alloc(4) },
    { bytes: 1, answer: Buffer.concat([start, title]) },
  ];
  let heard = Buffer.alloc(0);
  const line = new Duplex({
    allowHalfOpen: false,
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      heard = Buffer.concat([heard, chunk]);
      for (;;) {
        const greeting = greetings[0];
        const length = greeting ? greeting.bytes : lengthOfMessage(heard);
        if (length === undefined || heard.length < length) break;
        const message = heard.subarray(0, length);
        heard = heard.subarray(length);
        if (greeting) {
          greetings.shift();
          line.push(greeting.answer);
        } else if (message[0] === 3) line.push(update());
      }
      done();
    },
    final(done) {
      line.push(null);
      done();
    },
  });
  line.push('RFB 003.008\n');
  return line;
}

/** Of the first message, as far as it is there. RFC 6143, 7.5 */
function lengthOfMessage(heard: Buffer): number | undefined {
  switch (heard[0]) {
    case 0:
      return 20;
    case 2:
      return heard.length < 4 ? undefined : 4 + 4 * heard.readUInt16BE(2);
    case 3:
      return 10;
    case 4:
      return 8;
    case 5:
      return 6;
    case 6:
      return heard.length < 8 ? undefined : 8 + heard.readUInt32BE(4);
    default:
      // Nothing, or what no client of ours was told of: what follows it cannot be told apart either.
      return heard.length === 0 ? undefined : heard.length;
  }
}

function update(): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt16BE(1, 2);
  head.writeUInt16BE(width, 8);
  head.writeUInt16BE(height, 10);
  return Buffer.concat([head, Buffer.alloc(width * height * 4)]);
}

/** A terminal at a login prompt, at which nobody is let in. */
export function serialLine({ shown, hostname }: { shown: string; hostname: string }): Duplex {
  const prompt = `${hostname} login: `;
  const line = new Duplex({
    allowHalfOpen: false,
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      line.push(chunk.toString('latin1').replaceAll(/\r\n?|\n/g, `\r\n\r\nLogin incorrect\r\n${prompt}`));
      done();
    },
    final(done) {
      line.push(null);
      done();
    },
  });
  line.push(`\r\n${shown.endsWith(prompt) ? prompt : ''}`);
  return line;
}
