import type { Rule } from '../tree.ts';

// Put together here, so that this file does not name them.
const OUTSIDE = [
  ['..', 'shared'].join('/'),
  ['', 'work', 'main'].join('/'),
  ['', 'work', 'shared'].join('/'),
];

/** A clone must work anywhere: nothing may name a place outside of the repository. */
export const outside: Rule = ({ texts }) =>
  [...texts].flatMap(([file, text]) =>
    text.split('\n').flatMap((content, index) =>
      OUTSIDE.filter((place) => content.includes(place)).map((place) => ({
        file,
        line: index + 1,
        reason: `names ${place}, which is outside of the repository`,
      })),
    ),
  );
