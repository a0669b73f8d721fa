/** Admission: what partners' clouds were proved to do, by trying it from outside for ever. */
import { keys } from './admission/keys.ts';
import { profiles } from './admission/profiles.ts';
import { nativeService } from './native.ts';

export const admission = nativeService({ name: 'admission', title: 'Admission', nouns: { profiles, keys } });
