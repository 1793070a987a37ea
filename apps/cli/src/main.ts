import { EXIT } from '@holdfast/contracts/errors';
import { Command, CommanderError } from 'commander';
import { reportError } from './output/report-error.ts';
import { version } from './version.ts';

const EXIT_CODES = `
Exit codes: 0 done; 1 failed; 2 bad usage; 3 done in part; 4 not found; 5 not allowed;
6 cannot reach the system; 7 integrity failure; 130 interrupted.`;

/** Adds commands to the program; `verb` is the word that was given after the command. */
type Register = (program: Command, verb: string | undefined) => void | Promise<void>;

interface CommandFile {
  /** The commands that it registers. */
  readonly names: readonly string[];
  readonly load: () => Promise<Register>;
}

/** Each is loaded when one of its commands is given: a file back from a backup must not wait for all the others. */
const COMMAND_FILES: readonly CommandFile[] = [
  { names: ['up'], load: async () => (await import('./commands/up.ts')).registerUp },
  { names: ['service'], load: async () => (await import('./commands/service.ts')).registerService },
  { names: ['watch'], load: async () => (await import('./commands/watch.ts')).registerWatch },
  { names: ['history'], load: async () => (await import('./commands/history.ts')).registerHistory },
  { names: ['audit'], load: async () => (await import('./commands/audit.ts')).registerAudit },
  {
    names: ['create', 'cancel', 'list', 'show'],
    load: async () => (await import('./commands/backups.ts')).registerBackups,
  },
  { names: ['cleanup'], load: async () => (await import('./commands/cleanup.ts')).registerCleanup },
  { names: ['tiers'], load: async () => (await import('./commands/tiers.ts')).registerTiers },
  { names: ['schedule'], load: async () => (await import('./commands/schedule.ts')).registerSchedule },
  { names: ['verify', 'restore'], load: async () => (await import('./commands/restore.ts')).registerRestore },
  { names: ['scan'], load: async () => (await import('./commands/scan.ts')).registerScan },
  { names: ['recover'], load: async () => (await import('./commands/recover.ts')).registerRecover },
  {
    names: ['allow-delete'],
    load: async () => (await import('./commands/allow-delete.ts')).registerAllowDelete,
  },
  {
    names: ['quarantine'],
    load: async () => (await import('./commands/quarantine.ts')).registerQuarantine,
  },
  { names: ['health'], load: async () => (await import('./commands/health.ts')).registerHealth },
  { names: ['alerts'], load: async () => (await import('./commands/alerts.ts')).registerAlerts },
  { names: ['token'], load: async () => (await import('./commands/token.ts')).registerToken },
  { names: ['config'], load: async () => (await import('./commands/config.ts')).registerConfig },
  { names: ['repo'], load: async () => (await import('./commands/repo/repo.ts')).registerRepo },
];

/** With the command that is given, or with all where that is none of these names: for help and good errors. */
async function createProgram([given = '', verb]: readonly string[]): Promise<Command> {
  const program = new Command('holdfast')
    .description('Files and databases that heal themselves')
    .version(version())
    .showHelpAfterError('(see --help)')
    .addHelpText('after', EXIT_CODES)
    .exitOverride();
  const files = COMMAND_FILES.filter(({ names }) => names.includes(given));
  for (const { load } of files.length > 0 ? files : COMMAND_FILES) {
    const register = await load();
    await register(program, verb);
  }
  return program;
}

/** The process door of the CLI: parse, run, map errors to exit codes once. */
async function main(argv: string[]): Promise<void> {
  try {
    const program = await createProgram(argv.slice(2));
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = error instanceof CommanderError ? usageExit(error) : reportError(error);
  }
}

/** Commander has said it already; help and version are no failures. */
function usageExit(error: CommanderError): number {
  return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok);
});
await main(process.argv);
