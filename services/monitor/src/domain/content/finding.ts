import type { JsonPath } from './json-path.ts';

/**
 * What a program's conversations have. A finding about one is damage only where it is known that they have it: from the
 * rest of the document, or from its last good version. A format that nobody told us of is no damage.
 */
export type Trait = 'session' | 'messages' | 'role' | 'content' | 'time' | 'ascending';

/** Something that a validator found, at a place of a document. The content itself is never quoted: it may be a secret. */
export interface Finding {
  readonly reason: 'schema' | 'conversation';
  readonly detail: string;
  readonly path: JsonPath;
  /** Of conversations. */
  readonly trait?: Trait;
}

/** So many are told of one file; the first ones tell what is wrong with the rest. */
export const FINDINGS_MAX = 50;
