/** What a host may fetch and bring, which is what it was told to work with, for as long as that takes. */
export type Grants = {
  /** `images`: by the hash of their bytes; `uploads`: names in the incoming folder. */
  during<T>(hostId: string, granted: { images?: readonly string[]; uploads?: readonly string[] }, work: () => Promise<T>): Promise<T>;
  mayRead(hostId: string, sha256: string): boolean;
  mayWrite(hostId: string, upload: string): boolean;
};

export function createGrants(): Grants {
  const counts = new Map<string, number>();
  const add = (key: string, count: number) => {
    const sum = (counts.get(key) ?? 0) + count;
    if (sum === 0) counts.delete(key);
    else counts.set(key, sum);
  };
  return {
    async during(hostId, { images = [], uploads = [] }, work) {
      const keys = [...images.map((sha256) => `${hostId} image ${sha256}`), ...uploads.map((upload) => `${hostId} upload ${upload}`)];
      for (const key of keys) add(key, 1);
      try {
        return await work();
      } finally {
        for (const key of keys) add(key, -1);
      }
    },
    mayRead: (hostId, sha256) => counts.has(`${hostId} image ${sha256}`),
    mayWrite: (hostId, upload) => counts.has(`${hostId} upload ${upload}`),
  };
}
