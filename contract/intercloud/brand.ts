/** White label: a partner's customers see its name, its addresses and its regions, and no other partner. */
import { brands, page } from './brand/brands.ts';
import { nativeService } from './native.ts';

export const brand = nativeService({ name: 'brand', title: 'Brand', nouns: { brands, page } });
