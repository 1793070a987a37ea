import type { JsonPath } from './json-path.ts';

/** Something that a validator found, at a place of a document. The content itself is never quoted: it may be a secret. */
export interface Finding {
  readonly reason: 'schema' | 'conversation';
  readonly detail: string;
  readonly path: JsonPath;
}

/** So many are told of one file; the first ones tell what is wrong with the rest. */
export const FINDINGS_MAX = 50;
