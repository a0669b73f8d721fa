/** Paths in headers and bodies: `/container/object`, quoted as in an address. */

export function splitPath(path: string): { container: string; object: string } {
  const bare = path.replace(/^\/+/, '');
  const slash = bare.indexOf('/');
  return slash < 0 ? { container: bare, object: '' } : { container: bare.slice(0, slash), object: bare.slice(slash + 1) };
}

export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // What is no quoting stands for itself.
    return text;
  }
}
