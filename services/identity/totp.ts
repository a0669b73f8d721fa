/** Passwords of half a minute, made of a secret that the user's device has too. RFC 6238; keystone/auth/plugins/totp.py */
import { createHmac, timingSafeEqual } from 'node:crypto';

const digits = 6;
const periodMs = 30_000;
/** keystone.conf, [totp] included_previous_windows */
const previousWindows = 1;

/** How long a passcode could be given again. */
export const passcodeLivesMs = (previousWindows + 1) * periodMs;

/** Undefined when the secret is not in base32. */
export function passcodeAt(secret: string, moment: Date): string | undefined {
  const key = fromBase32(secret);
  if (key === undefined) return undefined;
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(moment.getTime() / periodMs)));
  // The RFC's own hash, which every authenticator has.
  const digest = createHmac('sha1', key).update(counter).digest();
  const offset = digest[digest.length - 1]! & 0x0f;
  return String((digest.readUInt32BE(offset) & 0x7fff_ffff) % 10 ** digits).padStart(digits, '0');
}

/** Now, or in the window before, as a clock may be late and a hand slow. */
export function isPasscodeOf(secret: string, given: string, now: Date): boolean {
  let right = false;
  for (let window = 0; window <= previousWindows; window++) {
    const passcode = passcodeAt(secret, new Date(now.getTime() - window * periodMs));
    if (passcode !== undefined && given.length === digits && timingSafeEqual(Buffer.from(passcode), Buffer.from(given.padEnd(digits).slice(0, digits), 'latin1'))) right = true;
  }
  return right;
}

function fromBase32(text: string): Buffer | undefined {
  const letters = text.trim().replace(/=+$/, '');
  if (!/^[A-Z2-7]+$/.test(letters)) return undefined;
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const letter of letters) {
    held = ((held << 5) | 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((held >> bits) & 0xff);
  }
  return Buffer.from(bytes);
}
