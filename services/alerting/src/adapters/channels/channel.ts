import type { ChannelConfig } from '@holdfast/contracts/config';
import type { Message } from '../../domain/alert/message.ts';
import type { Attempt } from '../../domain/delivery/schedule.ts';

/** What goes with a message. */
export interface Delivery {
  /** The same at every try: receivers that know it can drop what they have had. */
  notification_id: string;
  attempt: number;
  /** The service stops: the answer is what is known by then. */
  signal: AbortSignal;
}

/**
 * One way to reach people. `send` tries once and never rejects for what the network or the receiver does: that is its
 * answer. No secret is in an answer.
 */
export interface Channel {
  readonly name: string;
  readonly type: ChannelConfig['type'];
  /** Between two messages, at least. */
  readonly min_interval_ms: number;
  /** True where people are called by it: floods become digests. A log takes everything as it is. */
  readonly calls_people: boolean;
  send(message: Message, delivery: Delivery): Promise<Attempt>;
}
