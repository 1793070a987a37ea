import type { Rule } from '../tree.ts';

const FUNCTION_LINES_MAX = 70;
const FILE_LINES_MAX = 400;

/** What does not fit on a screen is not read. What only holds tests is a chapter, not a function. */
export const size: Rule = ({ sources }) =>
  sources.flatMap(({ path, lines, functions }) => [
    ...(lines > FILE_LINES_MAX
      ? [
          {
            file: path,
            line: 1,
            reason: `has ${lines} lines, more than ${FILE_LINES_MAX}: it is about more than one thing`,
          },
        ]
      : []),
    ...functions
      .filter((found) => found.lines > FUNCTION_LINES_MAX && !found.is_chapter)
      .map(({ line, lines: count }) => ({
        file: path,
        line,
        reason: `has a function of ${count} lines, more than ${FUNCTION_LINES_MAX}: name its parts`,
      })),
  ]);
