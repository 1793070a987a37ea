/** A step that cannot work: its message is the one line that names the missing thing and how to get it. */
export class SetupError extends Error {
  name = 'SetupError';
}

/** On stderr: stdout belongs to the command that the set-up is for. */
export function say(line) {
  process.stderr.write(`set-up: ${line}\n`);
}
