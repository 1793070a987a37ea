import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../client.ts';
import { print, printJson, printTable } from '../output/print.ts';

interface Token {
  token_id: string;
  name: string;
  role: string;
  created_at: string;
  expires_at: string | null;
  token?: string;
}

/** `token create|list|revoke` */
export function registerToken(program: Command): void {
  const token = program.command('token').description('Who may do what');
  withConnection(token.command('create').description('Make a token; it is shown once'))
    .requiredOption('--name <name>', 'whom or what it is for')
    .option('--role <role>', 'viewer, backup_operator or admin', 'viewer')
    .action(create);
  withConnection(token.command('list').description('The tokens that are valid')).action(list);
  withConnection(token.command('revoke').argument('<id>').description('End a token at once')).action(revoke);
}

async function create(options: ConnectionOptions & { name: string; role: string }): Promise<void> {
  const made = await connect(options).send<Token>('POST', '/api/tokens', {
    name: options.name,
    role: options.role,
  });
  if (options.json) return printJson(made);
  print(made.token ?? '');
}

async function list(options: ConnectionOptions): Promise<void> {
  const answer = await connect(options).get<{ items: Token[] }>('/api/tokens');
  if (options.json) return printJson(answer);
  printTable(
    ['id', 'name', 'role', 'created', 'expires'],
    answer.items.map((one) => [one.token_id, one.name, one.role, one.created_at, one.expires_at]),
  );
}

async function revoke(id: string, options: ConnectionOptions): Promise<void> {
  await connect(options).send('DELETE', `/api/tokens/${encodeURIComponent(id)}`);
  if (options.json) return printJson({ token_id: id, revoked: true });
  print(`revoked ${id}`);
}
