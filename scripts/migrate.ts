import { connect } from '../db/connect';
import { migrator } from '../db/migrate';
import { seed } from '../db/seed';
import { localConfig } from './local-config';

/** `migrate up [--seed]`, `migrate down [--all]`, `migrate pending`. */
async function main([command, ...flags]: string[]): Promise<void> {
  const db = connect({ url: localConfig().databaseUrl, poolSize: 2 });
  const say = (text: string) => process.stdout.write(`${text}\n`);
  try {
    const migrations = migrator(db, say);
    switch (command) {
      case 'up':
        await migrations.up();
        if (flags.includes('--seed')) await seed(db, Date.now());
        break;
      case 'down':
        await migrations.down(flags.includes('--all'));
        break;
      case 'pending':
        for (const name of await migrations.pending()) say(name);
        break;
      default:
        throw new Error('usage: migrate up [--seed] | down [--all] | pending');
    }
  } finally {
    await db.close();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
