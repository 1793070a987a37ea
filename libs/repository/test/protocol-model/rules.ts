/**
 * The rules of deleting without locks or clocks, each of which a test drops or turns round. True: as the protocol says.
 */
export interface Rules {
  /** Writer: its pending object is put before it looks at the marks. */
  readonly pendingBeforeMarks: boolean;
  /** Writer: the index is read before the marks are listed. */
  readonly writerIndexBeforeMarks: boolean;
  /** Writer: its new packs are stored and indexed before it puts its pending object, lists the marks, commits. */
  readonly storesBefore: 'pending' | 'marks' | 'commit';
  /** Writer: where no marks are new since its first look-up it does not look. */
  readonly shortcut: boolean;
  /** Writer: marks that are new end the shortcut. */
  readonly shortcutHeedsMarks: boolean;
  /** Writer: the shortcut is only for those who know that their parent was held under the same marks. */
  readonly shortcutHeedsBase: boolean;
  /** Writer: what it carries over from its parent is looked up like all else. */
  readonly checkCarried: boolean;
  /** Writer: after storing chunks again it looks at the marks again. */
  readonly marksAgain: boolean;
  /** Writer: a place that is taken by a revocation means starting over. */
  readonly heedRevocation: boolean;
  /** Writer: after a put with an unknown outcome it looks, and starts over under a new id where nothing stands. */
  readonly lookAfterUnknown: boolean;
  /** Writer: its pending object is removed after the commit. */
  readonly pendingUntilCommit: boolean;
  /** Writer: an id that is given up with an unknown outcome keeps its pending object. */
  readonly pendingOfUnknownStays: boolean;
  /** Pruner: what it deletes is decided by a second look, after its marks stand. */
  readonly secondLook: boolean;
  /** Pruner: lists the marks after its own are put. */
  readonly prunerMarksFirst: boolean;
  /** Pruner: lists pending before snapshots. */
  readonly pendingBeforeSnapshots: boolean;
  /** Pruner: reads the index after pending and snapshots. */
  readonly prunerIndexLast: boolean;
  /** Pruner: asks what pending objects reach. */
  readonly heedPending: boolean;
  /** Pruner: does not count on packs that are marked. */
  readonly distrustMarked: boolean;
  /** Pruner: what it has copied counts once the index names it. */
  readonly copyIndexedFirst: boolean;
  /** Pruner: marks stay for ever. */
  readonly marksStay: boolean;
  /** Pruner: removes only pending objects whose snapshot's place is taken. */
  readonly pendingUntilTaken: boolean;
  /** Pruner: where a node cannot be read it reads the index again. */
  readonly readAgain: boolean;
  /** Pruner: where a node of a pending tree cannot be found: passes over what is below, or revokes the id first. */
  readonly lostPending: 'pass' | 'revoke';
  /** Revoker: takes a place only where it is free. */
  readonly revokeIfAbsent: boolean;
}

export const RULES: Rules = {
  pendingBeforeMarks: true,
  writerIndexBeforeMarks: true,
  storesBefore: 'pending',
  shortcut: true,
  shortcutHeedsMarks: true,
  shortcutHeedsBase: true,
  checkCarried: true,
  marksAgain: true,
  heedRevocation: true,
  lookAfterUnknown: true,
  pendingUntilCommit: true,
  pendingOfUnknownStays: true,
  secondLook: true,
  prunerMarksFirst: true,
  pendingBeforeSnapshots: true,
  prunerIndexLast: true,
  heedPending: true,
  distrustMarked: true,
  copyIndexedFirst: true,
  marksStay: true,
  pendingUntilTaken: true,
  readAgain: true,
  lostPending: 'pass',
  revokeIfAbsent: true,
};
