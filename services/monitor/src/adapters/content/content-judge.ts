import { createHash } from 'node:crypto';
import { ConversationCheck, candidatesOf } from '../../domain/content/conversation.ts';
import type { Finding, Trait } from '../../domain/content/finding.ts';
import { formatJsonPath } from '../../domain/content/json-path.ts';
import type { Problem, Verdict } from '../../domain/file-inventory/state.ts';
import { findJsonProblem, type JsonProblem } from '../json-problem.ts';
import type { ContentChecks } from '../territory.ts';
import { compileSchema, type SchemaCheck, type SchemaTexts } from './json-schemas.ts';
import { JsonWalk } from './json-walk.ts';
import type { KnownSessions } from './known-sessions.ts';
import { locateFindings } from './locate-findings.ts';
import { StreamedConversations } from './streamed-conversations.ts';

export interface Opinion {
  readonly verdict: Verdict;
  /** The content may be on its way still: so long must it have been quiet before it is believed. */
  readonly quiet_ms: number;
  readonly sessions?: readonly string[];
}

/** One file that is being judged while it is read. */
export interface Reading {
  write(piece: Uint8Array): void;
  /** After the last piece. `pieces` reads the file again: asked only where something was found. */
  end(pieces: () => Iterable<Uint8Array>): Opinion;
}

export interface JudgeParts {
  readonly schemas: SchemaTexts;
  readonly sessions: KnownSessions;
  /** Larger documents are walked over, not taken into memory; a schema is not asked about them. */
  readonly whole_bytes_max?: number;
}

/** A document in memory takes some five times its bytes. */
const WHOLE_BYTES_MAX = 32 * 1024 * 1024;
const UNFINISHED_QUIET_MS = 250;
/** A conversation that goes to another file stands in both for a while. */
const TAKEN_OVER_QUIET_MS = 2_000;

/** So many of one file are remembered: they are written in one turn of the loop. */
const SESSIONS_MAX = 2_000;

/** Judges content by what its source declares. */
export class ContentJudge {
  readonly #parts: JudgeParts;
  readonly #compiled = new Map<string, SchemaCheck>();

  constructor(parts: JudgeParts) {
    this.#parts = parts;
  }

  /** Undefined where no validator applies. */
  begin(path: string, checks: ContentChecks, size: number): Reading | undefined {
    if (!checks.json) return undefined;
    const whole = size <= (this.#parts.whole_bytes_max ?? WHOLE_BYTES_MAX);
    return whole ? this.#whole(path, checks) : this.#streamed(path, checks);
  }

  #whole(path: string, checks: ContentChecks): Reading {
    const kept: Uint8Array[] = [];
    return {
      write: (piece) => kept.push(piece),
      end: () => {
        const parsed = parse(Buffer.concat(kept));
        if ('problem' in parsed) return parsed.problem;
        const findings = this.#schemaOf(checks)?.(parsed.value) ?? [];
        const check = checks.conversation ? new ConversationCheck() : undefined;
        if (check !== undefined)
          for (const { value, path: at } of candidatesOf(parsed.value)) check.take(value, at);
        return this.#conclude({ path, checks, findings, check }, () => kept);
      },
    };
  }

  #streamed(path: string, checks: ContentChecks): Reading {
    const check = checks.conversation ? new ConversationCheck() : undefined;
    const streamed = check && new StreamedConversations(check);
    const walk = new JsonWalk((visit, place) => streamed?.visit(visit, place));
    return {
      write: (piece) => void walk.write(piece),
      end: (pieces) => {
        const problem = walk.end();
        if (problem !== undefined) return brokenAt(problem);
        return this.#conclude({ path, checks, findings: [], check }, pieces);
      },
    };
  }

  #conclude(judged: Judged, pieces: () => Iterable<Uint8Array>): Opinion {
    const { findings, check } = judged;
    if (check === undefined) return { verdict: { judged: true, ...placed(findings, pieces) }, quiet_ms: 0 };
    check.end();
    const known = this.#parts.sessions.of(judged.path);
    const traits = new Set([...check.traits, ...traitsIn(known)]);
    const isDamage = ({ trait }: Finding) => trait === undefined || traits.has(trait);
    const found = [...findings, ...check.findings];
    const damage = found.filter(isDamage);
    const sessions = check.sessions.map(({ session_id }) => hashOf(session_id));
    const doubts = this.#compareSessions(judged, { check, hashes: sessions, known });
    const { problems } = placed([...damage, ...(doubts.isLoss ? doubts.findings : [])], pieces);
    const strange = found.filter((finding) => !isDamage(finding));
    const { problems: notes } = placed([...strange, ...(doubts.isLoss ? [] : doubts.findings)], pieces);
    return {
      verdict: {
        judged: true,
        ...(problems !== undefined && { problems }),
        ...(notes !== undefined && { notes }),
      },
      quiet_ms: doubts.isLoss && damage.length === 0 ? TAKEN_OVER_QUIET_MS : 0,
      sessions: [markOf(check.traits), ...sessions.slice(0, SESSIONS_MAX)],
    };
  }

  /**
   * Sessions that stand in another file too. They are a loss only where the file holds none of its own any more: what was
   * copied over it. Where it merely gained some they may be on their way from the one file to the other.
   */
  #compareSessions({ path, checks }: Judged, { check, hashes, known }: Compared) {
    const own = new Set([...known].filter((session) => !isMark(session)));
    const isEmptied = own.size > 0 && check.conversations === 0;
    if (isEmptied) {
      const detail = `no conversation is left of ${own.size} that stood here`;
      return { isLoss: true, findings: [{ reason: 'conversation' as const, detail, path: [] }] };
    }
    const findings = check.sessions.flatMap(({ path: at }, index): Finding[] => {
      const other = this.#parts.sessions.holderOf(hashes[index] ?? '', { path, source: checks.source });
      if (other === undefined) return [];
      return [{ reason: 'conversation', detail: `is the id of a session in ${other} too`, path: at }];
    });
    const isReplaced = own.size > 0 && !hashes.some((hash) => own.has(hash));
    return { isLoss: isReplaced && findings.length > 0, findings };
  }

  #schemaOf({ schema }: ContentChecks): SchemaCheck | undefined {
    if (schema === undefined) return undefined;
    const text = this.#parts.schemas[schema];
    const known = this.#compiled.get(schema) ?? (text === undefined ? undefined : compileSchema(text));
    if (known !== undefined) this.#compiled.set(schema, known);
    return known;
  }
}

interface Compared {
  readonly check: ConversationCheck;
  readonly hashes: readonly string[];
  /** Sessions and traits of the last good version. */
  readonly known: ReadonlySet<string>;
}

interface Judged {
  readonly path: string;
  readonly checks: ContentChecks;
  readonly findings: readonly Finding[];
  readonly check: ConversationCheck | undefined;
}

/** JSON in UTF-8 (a byte order mark is let pass). */
function parse(bytes: Uint8Array): { value: unknown } | { problem: Opinion } {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { problem: bad({ reason: 'json', detail: 'not UTF-8' }, 0) };
  }
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { problem: brokenAt(findJsonProblem(text)) };
  }
}

function brokenAt({ line, column, what, unfinished }: JsonProblem): Opinion {
  const detail = `line ${line} column ${column}: ${what}`;
  return bad({ reason: 'json', detail, line, column }, unfinished ? UNFINISHED_QUIET_MS : 0);
}

function bad(problem: Problem, quiet_ms: number): Opinion {
  return { verdict: { judged: true, problems: [problem] }, quiet_ms };
}

function placed(
  findings: readonly Finding[],
  pieces: () => Iterable<Uint8Array>,
): { problems?: readonly Problem[] } {
  if (findings.length === 0) return {};
  const lines = locateFindings(pieces(), findings);
  const problems = findings.map(({ reason, detail, path }, index) => ({
    reason,
    detail,
    json_path: formatJsonPath(path),
    line: lines[index] ?? 1,
  }));
  return { problems };
}

/** The traits of a file, kept among its sessions: no hash looks like them. */
const markOf = (traits: ReadonlySet<Trait>): string => `#${[...traits].sort().join(',')}`;
const traitsIn = (known: ReadonlySet<string>) =>
  [...known].filter(isMark).flatMap((mark) => mark.slice(1).split(',') as Trait[]);
const isMark = (session: string): boolean => session.startsWith('#');

/** The id itself may be a name or a number of a telephone. */
function hashOf(session_id: string): string {
  return createHash('sha256').update(session_id).digest('base64url').slice(0, 22);
}
