/** The door of news for regions. */
import { feed as contract } from '../../contract/intercloud/federation/feed.ts';
import { implement } from '../../kit/http/implement.ts';
import { newsFor, type NewsParts, type Wakes } from './news.ts';
import { getOwnRegion } from './regions.ts';

export function newsDoor(parts: Omit<NewsParts, 'wakes'> & { wakes: () => Promise<Wakes> }) {
  return implement(contract, {
    async news(request) {
      const { region } = request.params;
      const { userId } = await request.read((tx) => getOwnRegion({ ...request, tx }, region));
      const { after, wait } = request.query;
      return newsFor({ ...parts, wakes: await parts.wakes() }, region, { after, waitMs: Number(wait ?? 0) * 1000, signal: request.signal, byItself: userId === request.caller.userId });
    },
  });
}
