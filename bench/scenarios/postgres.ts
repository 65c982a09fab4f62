import { join } from 'node:path';
import pg from 'pg';
import { NO_POSTGRES, type PostgresServer, startPostgres } from '../../test/support/postgres-server.js';
import type { Contender } from '../contenders/contender.js';
import { importContender } from '../contenders/import.js';
import { whole } from '../format.js';
import { CLI, PROGRAMS } from '../paths.js';
import { linesOf, race } from '../race.js';
import type { Scenario } from './scenario.js';

const CONNECTIONS = 64;

/** What the ledger in Postgres costs, and what workers bring. */
export const postgres: Scenario = {
  name: 'postgres',
  what: 'the ledger in Postgres, by one process and by 1, 2 and 4 workers, beside the SQLite file (needs a Postgres)',
  usual: false,
  quick: false,
  async run(lab) {
    // As a server for real: what was committed is on the disk.
    const server = await startPostgres({ settings: ['fsync=on'] });
    if (server === null) throw new Error(NO_POSTGRES);
    try {
      const file = importContender({ name: 'memory-import, ledger in a file' });
      const alone = withPostgres(importContender({ name: 'memory-import, ledger in Postgres' }), server);
      const entrants = [file, alone, ...[1, 2, 4].map((workers) => distributed(workers, server))].map((contender) => ({ contender }));
      const outcome = await race(lab, { entrants, connections: CONNECTIONS });
      return {
        title: 'The ledger in Postgres, and workers',
        setting: `${whole(lab.rows)} rows, latency 0, ${CONNECTIONS} connections (of all workers together); a Postgres on the same machine, with its defaults, whose own CPU isn't counted.`,
        base: file.name,
        lines: linesOf(outcome, entrants, file.name),
        targets: [],
        remarks: [
          'Of distributed imports the rate is that of the summary, from the start of the import to the last settled row; CPU is that of coordinator and workers together, their start included; the memory is of what starts them, and says nothing.',
          'On one machine workers only share its processors: this shows what they cost, not what a second machine brings.',
          ...outcome.skipped,
        ],
        problems: outcome.problems,
      };
    } finally {
      await server.destroy();
    }
  },
};

function withPostgres(contender: Contender, server: PostgresServer): Contender {
  const ledger = `${server.url}/postgres`;
  return {
    ...contender,
    async command(job) {
      await empty(ledger);
      const command = await contender.command(job);
      return { ...command, args: command.args.map((argument) => (argument === join(job.scratch, 'ledger.db') ? ledger : argument)) };
    },
  };
}

function distributed(workers: number, server: PostgresServer): Contender {
  const contender = withPostgres(importContender(), server);
  return {
    ...contender,
    name: `memory-import, ${workers} worker${workers === 1 ? '' : 's'}`,
    what: 'import --distribute, and workers that were started before',
    async command(job) {
      // Their own concurrency is the run's: together they have as many connections as the others.
      const { args, ...command } = await contender.command({ ...job, connections: Math.ceil(job.connections / workers) });
      const [cli, , ...rest] = args;
      return { ...command, args: [join(PROGRAMS, 'distributed.js'), String(workers), cli ?? CLI, ...rest] };
    },
    read: ({ stdout, cpuSeconds }, { rows }) => {
      const { durationMs } = JSON.parse(stdout) as { durationMs: number }; // the summary
      return { rows, seconds: durationMs / 1000, cpuSeconds };
    },
  };
}

async function empty(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('DROP SCHEMA IF EXISTS memory_import CASCADE; DROP SCHEMA IF EXISTS memory_import_queue CASCADE; CHECKPOINT');
  } finally {
    await client.end();
  }
}
