/** How far the stream was read. The epoch grows when the stream is found rewound: sequences then start over. */
export interface StreamPosition {
  readonly epoch: number;
  readonly seq: number;
}

export interface Rewound {
  readonly expected_seq: number;
  readonly actual_seq: number;
  /** The one that begins. */
  readonly epoch: number;
}

/**
 * The position after an event. A redelivered event leaves it; an event never seen on a sequence that was read already
 * means that the stream lost its tail and gives the numbers out again: a new epoch.
 */
export function advance(
  at: StreamPosition,
  event: { readonly seq: number; readonly known: boolean },
): { readonly at: StreamPosition; readonly rewound: Rewound | null } {
  if (event.seq > at.seq) return { at: { epoch: at.epoch, seq: event.seq }, rewound: null };
  if (event.known) return { at, rewound: null };
  const epoch = at.epoch + 1;
  return {
    at: { epoch, seq: event.seq },
    rewound: { expected_seq: at.seq + 1, actual_seq: event.seq, epoch },
  };
}
