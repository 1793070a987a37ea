import type { FoundFiles } from '../domain/expectation/expectation.ts';
import type { SchemaTexts } from './content/json-schemas.ts';
import type { ExpectOrder } from './expected-files.ts';
import type { HashOrder, HashOutcome } from './hash-slowly.ts';
import type { ReadOrder, ReadOutcome } from './read-file.ts';
import type { Extent, ExtentOrder, KnownOrder } from './registry-extent.ts';
import type { TerritoryOptions } from './territory.ts';
import type { Differences, WalkOrder, WalkSummary } from './walk.ts';

/** What a worker thread can be asked, and what it answers. */
export interface WorkerTasks {
  read: { order: readonly ReadOrder[]; answer: ReadOutcome[] };
  writers: { order: readonly string[]; answer: string[] };
  mappers: { order: readonly string[]; answer: string[] };
  hash: { order: HashOrder; answer: HashOutcome[] };
  expect: { order: ExpectOrder; answer: FoundFiles[] };
  known: { order: KnownOrder; answer: number[] };
  extent: { order: ExtentOrder; answer: Extent };
  walk: { order: WalkOrder; answer: WalkSummary };
}
export type TaskName = keyof WorkerTasks;

export interface TaskMessage<Name extends TaskName = TaskName> {
  readonly id: number;
  readonly task: Name;
  readonly order: WorkerTasks[Name]['order'];
}

/** A part of a walk was taken: the next may come. */
export interface GoOnMessage {
  readonly id: number;
  readonly task: 'go on';
}

export type WorkerReply =
  | { readonly id: number; readonly part: Differences }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: string };

/** What a thread is started with: plain data. */
export interface WorkerData extends TerritoryOptions {
  /** File of the registry: read only here. */
  readonly database: string;
  readonly schemas: SchemaTexts;
}
