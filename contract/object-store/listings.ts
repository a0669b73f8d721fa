/** What a list may be asked for; texts, as the service itself says what is wrong with a number. */
import { Type } from 'typebox';

const text = Type.Optional(Type.String());

export const accountListing = Type.Object({ limit: text, marker: text, end_marker: text, prefix: text, delimiter: text, reverse: text, format: text });

export const objectListing = Type.Object({ limit: text, marker: text, end_marker: text, prefix: text, delimiter: text, path: text, reverse: text, format: text, versions: text, version_marker: text });
