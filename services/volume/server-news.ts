/** What becomes of volumes without compute being asked, and is shown among what was asked of the servers that use them. */
export { takeGrowth, type Growth } from './server-news.store.ts';
