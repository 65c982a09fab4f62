import { LedgerError, LedgerHeldError, UserError } from '../errors.js';

/** An error on its way between threads: its class would be lost. */
export interface PlainError {
  readonly kind: 'LedgerError' | 'LedgerHeldError' | 'UserError' | 'Error';
  readonly message: string;
  readonly stack: string | undefined;
  readonly advice: string | undefined;
  readonly cause: PlainError | undefined;
}

export function toPlain(error: unknown): PlainError {
  if (!(error instanceof Error)) return { kind: 'Error', message: String(error), stack: undefined, advice: undefined, cause: undefined };
  const kind =
    error instanceof LedgerError
      ? 'LedgerError'
      : error instanceof LedgerHeldError
        ? 'LedgerHeldError'
        : error instanceof UserError
          ? 'UserError'
          : 'Error';
  return {
    kind,
    message: error.message,
    stack: error.stack,
    advice: error instanceof LedgerError ? error.advice : undefined,
    cause: error.cause === undefined ? undefined : toPlain(error.cause),
  };
}

export function fromPlain({ kind, message, stack, advice, cause }: PlainError): Error {
  const options = cause === undefined ? {} : { cause: fromPlain(cause) };
  const error =
    kind === 'LedgerError'
      ? new LedgerError(message, advice === undefined ? options : { ...options, advice })
      : kind === 'LedgerHeldError'
        ? new LedgerHeldError(message, options)
        : kind === 'UserError'
          ? new UserError(message, options)
          : new Error(message, options);
  if (stack !== undefined) error.stack = stack;
  return error;
}
