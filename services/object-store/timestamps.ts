/** Times as Swift writes them: swift/common/utils/timestamp.py. */

/** `1400000000.12300` */
export function timestampOf(time: Date): string {
  return (time.getTime() / 1000).toFixed(5);
}

/** For `Last-Modified`: the next whole second, so that nothing is newer than it says. */
export function httpDateOf(time: Date): string {
  return new Date(Math.ceil(time.getTime() / 1000) * 1000).toUTCString();
}

/** In lists: microseconds, and no zone. */
export function listedTimeOf(time: Date): string {
  return `${time.toISOString().slice(0, -1)}000`;
}
