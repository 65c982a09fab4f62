import { join } from 'node:path';
import { CLI } from '../paths.js';
import type { Contender } from './contender.js';

export interface ImportVariant {
  readonly name?: string;
  readonly what?: string;
  /** Of `node` itself. */
  readonly nodeArgs?: readonly string[];
  /** Of `memory-import import`, after the usual ones. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default: a new one in the scratch folder. */
  readonly ledger?: string;
}

/** memory-import as a user runs it: the built command line, everything on. */
export function importContender(variant: ImportVariant = {}): Contender {
  return {
    name: variant.name ?? 'memory-import',
    what: variant.what ?? 'the built command line: CSV, checks, ledger, lanes, retries, reports; start-up and end included',
    share: 1,
    exact: true,
    missing: () => null,
    command: async ({ csv, url, connections, scratch }) => ({
      file: process.execPath,
      args: [
        ...(variant.nodeArgs ?? []),
        CLI,
        'import',
        csv,
        ...['--base-url', url, '--concurrency', String(connections)],
        ...['--ledger', variant.ledger ?? join(scratch, 'ledger.db'), '--out', join(scratch, 'runs'), '--json'],
        ...(variant.args ?? []),
      ],
      env: { CALLERS_API_KEY: 'key', ...variant.env },
      cwd: scratch,
      stderr: join(scratch, 'log'),
    }),
  };
}
