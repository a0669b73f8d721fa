/** Which states are sold, unless a book of prices says otherwise; and which are counted on both sides of an agreement. */

/** In these a thing is not there yet, or is not what was ordered. */
export const unsoldStates = [
  'BUILD', 'ERROR', 'DELETED', 'UNKNOWN', 'creating', 'error', 'error_deleting', 'error_extending', 'error_restoring', 'error_managing', 'unknown', 'queued', 'saving', 'uploading', 'importing', 'killed', 'deleted',
] as const;

const unsold = new Set<string>(unsoldStates);

export function isSold(state: string): boolean {
  return !unsold.has(state);
}
