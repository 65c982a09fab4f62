import type { ReasonCode } from './model.js';

/** The command can't start: a mistake that the user can mend. Nothing was sent. Exit code 2. */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** Several mistakes at once, each with its own line. Exit code 2. */
export class OptionsError extends UserError {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

/** Another run holds the ledger. Exit code 4. */
export class LedgerHeldError extends Error {
  override readonly name = 'LedgerHeldError';
}

/** The ledger failed in the middle of a run: disk full, I/O error. The run stops (exit code 3). */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  /** What to do, for a person. */
  readonly advice: string;
  constructor(message: string, { advice = "Check the ledger's disk.", ...options }: ErrorOptions & { readonly advice?: string } = {}) {
    super(message, options);
    this.advice = advice;
  }
}

/** A stage found that going on would do harm; the run drains and ends with exit code 3. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
  /** @param continues true if the same command goes on from here, false if something must be mended first */
  constructor(
    readonly reasonCode: ReasonCode,
    message: string,
    readonly continues: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
