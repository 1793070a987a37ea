import type { ErrorCode } from '@holdfast/contracts/errors';

export type ToWorker = { kind: 'stop' };
export type FromWorker =
  | { kind: 'ready'; url: string }
  | { kind: 'failed'; message: string; code?: ErrorCode; stack?: string };
