/** What each exit code of the CLI promises. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  partial: 3,
  not_found: 4,
  not_allowed: 5,
  unreachable: 6,
  integrity: 7,
  interrupted: 130,
} as const;

interface ErrorKind {
  /** HTTP status of the problem reply. */
  status: number;
  /** Exit code of the CLI. */
  exit: number;
  /** What happened, in a few words: the `title` of the problem reply. */
  title: string;
  /** What a person can do about it. */
  hint: string;
}

const kind = (status: number, exit: number, title: string, hint: string): ErrorKind => ({
  status,
  exit,
  title,
  hint,
});

/** The catalogue: every code that a reply, an event or a line on stderr may carry. docs/errors.md is checked against it. */
export const ERRORS = {
  bad_request: kind(400, EXIT.usage, 'The request is not understood', 'Correct the field that is named.'),
  unauthenticated: kind(
    401,
    EXIT.not_allowed,
    'A token is needed',
    'Send `Authorization: Bearer …`, or give --token.',
  ),
  forbidden: kind(
    403,
    EXIT.not_allowed,
    'The role of this token does not allow it',
    'Use a token of the role that is named.',
  ),
  not_found: kind(404, EXIT.not_found, 'Not found', 'Check the id or path.'),
  conflict: kind(
    409,
    EXIT.failed,
    'The state does not allow it',
    'Look at the current state, then try again.',
  ),
  idempotency_mismatch: kind(
    422,
    EXIT.usage,
    'The Idempotency-Key was used for another request',
    'Use a new key.',
  ),
  unavailable: kind(
    503,
    EXIT.unreachable,
    'A part that is needed does not answer',
    'Try again; `holdfast health` says which part.',
  ),
  internal: kind(
    500,
    EXIT.failed,
    'Unexpected failure',
    'The log has the cause under the same correlation id.',
  ),
  config_invalid: kind(
    400,
    EXIT.usage,
    'The configuration is not valid',
    'Correct the key at the place that is named.',
  ),
  port_taken: kind(500, EXIT.failed, 'The port is taken', 'Stop what listens there, or set http.port.'),
  data_dir_locked: kind(
    409,
    EXIT.failed,
    'Another instance uses this data folder',
    'Stop it, or choose another --data.',
  ),
  data_dir_unusable: kind(
    500,
    EXIT.failed,
    'The data folder cannot be used',
    'Check that it exists and may be written.',
  ),
  nats_missing: kind(
    500,
    EXIT.failed,
    'No nats-server of version 2.14 or newer',
    'Run `npm start` to install it, or set HOLDFAST_NATS_SERVER.',
  ),
  nats_unreachable: kind(
    503,
    EXIT.unreachable,
    'NATS does not answer',
    'Check NATS_URL and that the server runs.',
  ),
  nats_not_durable: kind(
    500,
    EXIT.failed,
    'NATS acknowledges before it syncs',
    'Set `sync_interval: always` in its jetstream block.',
  ),
  nats_forbidden: kind(
    403,
    EXIT.not_allowed,
    'NATS does not let this user do that',
    'Give the credentials of the right service (`nats.credentials_file`).',
  ),
  event_conflict: kind(409, EXIT.failed, 'Somebody else decided first', 'Read the state again and retry.'),
  event_invalid: kind(
    422,
    EXIT.failed,
    'The event does not fit the catalogue',
    'It was parked in DEADLETTERS; a newer Holdfast may be able to read it.',
  ),
  event_too_large: kind(400, EXIT.failed, 'The event is larger than a message may be', 'Split it.'),
  source_unreadable: kind(409, EXIT.failed, 'A protected folder cannot be read', 'Check its owner and mode.'),
  encryption_required: kind(
    409,
    EXIT.failed,
    'The key that opens the backups would lie beside them',
    'Set `repository.key_file` to a place apart, or allow it: `encryption.allow_local_key: true`.',
  ),
  hook_failed: kind(
    409,
    EXIT.failed,
    'A command before the backup failed',
    'The log of the service has its output; `on_error: continue` makes the backup all the same.',
  ),
  volume_snapshot_failed: kind(
    409,
    EXIT.failed,
    'The volume could not be frozen',
    'The log of the service has the output of the command that is named.',
  ),
  change_history_lost: kind(
    409,
    EXIT.failed,
    'The change log of a database cannot be gone on with',
    'A new base is made by itself; a larger oplog bridges longer outages.',
  ),
  unsupported_collection: kind(
    409,
    EXIT.failed,
    'A collection of this kind cannot be backed up',
    'Name the others in `mongodb_collections`.',
  ),
  moment_not_held: kind(
    404,
    EXIT.not_found,
    'The backup does not hold this moment',
    'Choose another --at, or another backup.',
  ),
  repo_not_found: kind(404, EXIT.not_found, 'There is no repository', 'Create it with `holdfast repo init`.'),
  repo_exists: kind(409, EXIT.failed, 'There is a repository already', 'Use it, or choose another place.'),
  repo_unsupported: kind(409, EXIT.failed, 'The repository needs a newer Holdfast', 'Update Holdfast.'),
  wrong_password: kind(
    403,
    EXIT.not_allowed,
    'No key slot opens with this password',
    'Check --password-file; `repo key list` names the slots.',
  ),
  repo_damaged: kind(
    500,
    EXIT.integrity,
    'The repository is damaged',
    'Run `holdfast repo check --read-data`, then `repo repair`.',
  ),
  snapshot_not_found: kind(404, EXIT.not_found, 'No such snapshot', '`holdfast repo snapshots` lists them.'),
  storage_full: kind(507, EXIT.failed, 'No space left', 'Free some space; nothing half-done was left.'),
  storage_failed: kind(
    502,
    EXIT.failed,
    'The storage did not do as asked',
    'Check the storage; the cause is named.',
  ),
  restore_refused: kind(409, EXIT.failed, 'The restore would leave its target', 'Choose another --target.'),
  target_occupied: kind(
    409,
    EXIT.failed,
    'Something newer stands there',
    'Move it away, or restore to another place.',
  ),
  no_good_version: kind(
    404,
    EXIT.not_found,
    'No good version is known',
    '`holdfast history PATH` lists what there is.',
  ),
  unreachable: kind(
    503,
    EXIT.unreachable,
    'The system does not answer',
    'Start it with `./holdfast up`, or give --url.',
  ),
  interrupted: kind(499, EXIT.interrupted, 'Interrupted', 'Run it again; it goes on where it stopped.'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** True for a code of the catalogue: what comes over the wire or from a library may be another. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}

/** The one error class that crosses a boundary: a code of the catalogue, a sentence, and its cause. */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get exit_code(): number {
    return ERRORS[this.code].exit;
  }

  get hint(): string {
    return ERRORS[this.code].hint;
  }
}

/** True for a HoldfastError of any realm (Jest runs tests in another one). */
export function isHoldfastError(error: unknown): error is HoldfastError {
  return Error.isError(error) && error.name === 'HoldfastError' && 'code' in error;
}

/** An error of a library that carries a code of the catalogue, as a HoldfastError; all others stay as they are. */
export function asHoldfastError(error: unknown): unknown {
  if (isHoldfastError(error)) return error;
  const code = systemCode(error);
  if (!Error.isError(error) || !isErrorCode(code)) return error;
  return new HoldfastError(code, error.message, { cause: error });
}

/** The `code` of a system error (`ENOENT` …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  return Error.isError(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
