/** Why a server cannot be made, or made anew: said to its owner as it is. */
export class VolumeFailed extends Error {
  override name = 'VolumeFailed';
  readonly kind = 'volume-failed';
  readonly retryable = false;
}
