import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { asHoldfastError } from '@holdfast/contracts/errors';
import { decodeKit, encodeKit } from '@holdfast/repository/crypto/recovery-kit';
import type { Command } from 'commander';
import { print, printJson, warn } from '../../output/print.ts';
import { usageError } from '../../output/report-error.ts';
import { kitHtml, kitPage } from './kit-page.ts';
import { type RepoOptions, readText, withRepoOptions, withRepository } from './with-repository.ts';

interface KitOptions extends RepoOptions {
  out?: string;
  html?: boolean;
}

/** `repo key kit|confirm` */
export function registerKeyKit(key: Command): void {
  withRepoOptions(
    key.command('kit').description('Make a recovery kit: a page to print, which opens the repository'),
  )
    .option('--out <file>', 'write the page into a new file (0600) and not to stdout')
    .option('--html', 'as a page for a browser to print')
    .addHelpText(
      'after',
      `
The kit is a key slot of its own: nothing is rewritten, and \`repo key remove\` takes it back. Print the page, delete the
file, then prove that the print can be typed: \`repo key confirm\`. Everywhere else \`--password-file\` takes the typed kit.

  holdfast repo key kit --repo /backups/repository --password-file pass --out kit.txt`,
    )
    .action(kit);
  withRepoOptions(
    key.command('confirm').description('Prove that the printed recovery kit opens the repository'),
  )
    .option('--kit-file <file>', 'the nine groups as they were typed; - for stdin', '-')
    .addHelpText(
      'after',
      `
A mistyped group is named by its number. The slot then says when it was confirmed (\`repo key list\`).
Without --password-file the kit itself opens the repository.

  holdfast repo key confirm --repo /backups/repository < typed.txt`,
    )
    .action(confirm);
}

async function kit(options: KitOptions): Promise<void> {
  await withRepository(options, async (repository) => {
    // First: a slot whose page cannot be written opens the repository for nobody, and stays.
    if (options.out !== undefined) writePage(options.out, '', 'wx');
    const { id, secret } = await repository.keys.makeKit();
    const facts = {
      repository_id: repository.id,
      location: repository.location,
      slot_id: id,
      made: new Date().toISOString(),
    };
    const page = options.html ? kitHtml(facts, secret) : kitPage(facts, secret);
    if (options.out !== undefined) writePage(options.out, page, 'w');
    if (options.json) {
      printJson({
        ...facts,
        ...(options.out === undefined ? { groups: encodeKit(secret) } : { file: options.out }),
      });
    } else if (options.out === undefined) {
      process.stdout.write(page);
    }
    warn(`key slot ${id.slice(0, 8)}: not confirmed yet; \`holdfast repo key confirm\` does it`);
  });
}

/** `wx`: into a new file, a kit that stands is not written over; `w`: into that one. */
function writePage(file: string, page: string, flag: 'wx' | 'w'): void {
  try {
    writeFileSync(resolve(file), page, { flag, mode: 0o600, flush: true });
  } catch (error) {
    throw usageError(`--out ${file}: ${Error.isError(error) ? error.message : String(error)}`);
  }
}

async function confirm(options: RepoOptions & { kitFile: string }): Promise<void> {
  const typed = options.kitFile === '-' ? await typedText() : await readText('--kit-file', options.kitFile);
  let secret: Buffer;
  try {
    secret = decodeKit(typed);
  } catch (error) {
    throw asHoldfastError(error);
  }
  const id = await withRepository(
    options,
    (repository) => repository.keys.confirmKit(secret),
    options.passwordFile === undefined ? { secret: { key_file_bytes: secret } } : {},
  );
  if (options.json) printJson({ slot_id: id, confirmed: true });
  else print(`the kit opens the repository: key slot ${id.slice(0, 8)} is confirmed`);
}

function typedText(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('Type the nine groups, one a line, then Ctrl-D:\n');
  return text(process.stdin);
}
