import { LedgerHeldError, UserError } from '../errors.js';
import { assertNever, type RunSummary } from '../model.js';
import type { Plan } from '../model-plan.js';

/** A contract (README, "Exit codes"): cron, Kubernetes and CI decide by these. */
export const EXIT = {
  done: 0,
  someFailed: 1,
  couldNotStart: 2,
  stopped: 3,
  ledgerHeld: 4,
  interrupted: 130,
  terminated: 143,
} as const;

export type StopSignal = 'SIGINT' | 'SIGTERM';

/** @param signal the one that came first, or null; what didn't come by a signal counts as SIGINT */
export function exitCodeOfSummary(summary: Pick<RunSummary, 'status'>, signal: StopSignal | null): number {
  switch (summary.status) {
    case 'completed':
      return EXIT.done;
    case 'completed_with_failures':
      return EXIT.someFailed;
    case 'stopped':
      return EXIT.stopped;
    case 'interrupted':
      return exitCodeOfSignal(signal ?? 'SIGINT');
    default:
      return assertNever(summary.status);
  }
}

/** What an import would end with, as far as a plan can know it. */
export function exitCodeOfPlan(plan: {
  readonly counts: Pick<Plan['counts'], 'failed'>;
  readonly refusedFor: Plan['refusedFor'];
  readonly stoppedBecause: string | null;
}): number {
  if (plan.refusedFor.length > 0) return EXIT.couldNotStart;
  if (plan.stoppedBecause !== null) return EXIT.stopped;
  return plan.counts.failed > 0 ? EXIT.someFailed : EXIT.done;
}

/** What is neither the user's mistake nor another run's lock broke in the middle: it stopped by itself. */
export function exitCodeOfError(error: unknown): number {
  if (error instanceof UserError) return EXIT.couldNotStart;
  if (error instanceof LedgerHeldError) return EXIT.ledgerHeld;
  return EXIT.stopped;
}

/** 128 and the signal's number, as shells do. */
export function exitCodeOfSignal(signal: StopSignal): number {
  return signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
}
