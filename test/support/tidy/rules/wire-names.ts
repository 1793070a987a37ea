import { isTest } from '../resolve.ts';
import type { Rule } from '../tree.ts';

const HOME = 'libs/contracts/src/subjects.ts';
const SUBJECT = /\bholdfast\.(event|command|rpc|deadletter)\.(?!…)/;
const STREAM_OR_BUCKET = /^(EVENTS|COMMANDS|DEADLETTERS|TOKENS|LEASES)$/;

/** Subjects, streams and buckets are spelled once, so that publishers, readers and permissions cannot disagree. Tests may say what the wire looks like. */
export const wireNames: Rule = ({ sources }) =>
  sources
    .filter(({ path }) => path !== HOME && !isTest(path) && /^(libs|services|apps)\//.test(path))
    .flatMap(({ path, strings }) =>
      strings
        .filter(({ text }) => SUBJECT.test(text) || STREAM_OR_BUCKET.test(text))
        .map(({ text, line }) => ({
          file: path,
          line,
          reason: `spells ${JSON.stringify(text)}: names on the wire come from ${HOME}`,
        })),
    );
