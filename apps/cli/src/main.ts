import { EXIT } from '@holdfast/contracts/errors';
import { Command, CommanderError } from 'commander';
import { registerAlerts } from './commands/alerts.ts';
import { registerAllowDelete } from './commands/allow-delete.ts';
import { registerAudit } from './commands/audit.ts';
import { registerBackups } from './commands/backups.ts';
import { registerConfig } from './commands/config.ts';
import { registerHealth } from './commands/health.ts';
import { registerHistory } from './commands/history.ts';
import { registerRecover } from './commands/recover.ts';
import { registerRepo } from './commands/repo/repo.ts';
import { registerRestore } from './commands/restore.ts';
import { registerService } from './commands/service.ts';
import { registerToken } from './commands/token.ts';
import { registerUp } from './commands/up.ts';
import { registerWatch } from './commands/watch.ts';
import { reportError } from './output/report-error.ts';
import { version } from './version.ts';

const EXIT_CODES = `
Exit codes: 0 done; 1 failed; 2 bad usage; 3 done in part; 4 not found; 5 not allowed;
6 cannot reach the system; 7 integrity failure; 130 interrupted.`;

function createProgram(): Command {
  const program = new Command('holdfast')
    .description('Files and databases that heal themselves')
    .version(version())
    .showHelpAfterError('(see --help)')
    .addHelpText('after', EXIT_CODES)
    .exitOverride();
  for (const register of [
    registerUp,
    registerService,
    registerWatch,
    registerHistory,
    registerAudit,
    registerBackups,
    registerRestore,
    registerRecover,
    registerAllowDelete,
    registerHealth,
    registerAlerts,
    registerToken,
    registerConfig,
    registerRepo,
  ])
    register(program);
  return program;
}

/** The process door of the CLI: parse, run, map errors to exit codes once. */
async function main(argv: string[]): Promise<void> {
  try {
    await createProgram().parseAsync(argv);
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
