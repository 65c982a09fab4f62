import { join } from 'node:path';
import type { Halt } from '../dispatch/halt.js';
import { StoppedError } from '../errors.js';
import { watchFile } from '../ledger/file-watch.js';
import type { SharedLedger } from '../ledger/ledger.js';

const LOOK_EVERY_MS = 2000;

/**
 * Ends a run whose ledger's file was deleted or replaced. What is under way is still answered, settled and reported, so that success.csv
 * knows all that the run has created.
 */
export function stopWhenLedgerIsLost(run: {
  readonly path: string;
  readonly folder: string;
  readonly halt: Pick<Halt, 'stop'>;
  readonly shared: Pick<SharedLedger, 'onLost'> | null;
}): {
  readonly check: () => void;
  readonly release: () => void;
} {
  if (run.shared !== null) {
    run.shared.onLost((why) => run.halt.stop(new StoppedError('ledger', cutOff(run.path, why), true)));
    return { check: () => {}, release: () => {} };
  }
  const watch = watchFile(run.path);
  const stop = (how: string): void => run.halt.stop(new StoppedError('ledger', lostLedger({ ...run, how }), false));
  return {
    check() {
      const how = watch.lost();
      if (how !== null) stop(how);
    },
    release: watch.every(LOOK_EVERY_MS, stop),
  };
}

function cutOff(ledger: string, why: string): string {
  return `The run lost its place in the ledger ${ledger}: ${why}. Nothing more was sent; what was under way is looked at before it is sent again. The same command goes on from here.`;
}

function lostLedger({ path, folder, how }: { readonly path: string; readonly folder: string; readonly how: string }): string {
  return (
    `The ledger ${path} ${how} while this run was going on, so what the run has done would be forgotten, and done again by the next one. ` +
    `What was under way was finished, and ${join(folder, 'success.csv')} has every note that the run created. ` +
    "Put back what was there, then run 'memory-import ledger rebuild' with that file, or with the success.csv files of all runs; only then import again."
  );
}
