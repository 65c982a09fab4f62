import { meetKnown, type Submitted } from '../dispatch/claim.js';
import { outcomeOfKnown } from '../dispatch/known.js';
import type { FirstSeen } from '../ledger/first-seen.js';
import type { KnownNote, Ledger } from '../ledger/ledger.js';
import type { LedgerWriter } from '../ledger/writer.js';
import type { NoteKey, Outcome, RowFailure, RunId } from '../model.js';
import { MOST_BARREN } from './coordinator-store.js';

export interface PoisonOptions {
  readonly runId: RunId;
  readonly ledger: Pick<Ledger, 'lookup'>;
  readonly writer: Pick<LedgerWriter, 'fail'>;
  readonly firstSeen: FirstSeen;
  readonly labelOf: (ordinal: number) => string;
  readonly recovered: ReadonlySet<NoteKey>;
}

/** Makes what settles the rows of a chunk that no worker gets through: what the ledger knows of them counts, and the rest has failed. */
export function createPoisonSettler(options: PoisonOptions): (rows: readonly Submitted[], problem: string) => Promise<readonly Outcome[]> {
  const { ledger, writer, firstSeen, labelOf, runId, recovered } = options;
  return async (rows, problem) => {
    const known = await ledger.lookup(rows.map(({ draft }) => draft.fingerprint));
    const outcomes = rows.map((row, i) => outcomeOf(row, known[i] ?? null, problem));
    await Promise.all(
      outcomes.map((outcome, i) => {
        if (outcome.kind !== 'failed') return null;
        const { input, row, target } = rows[i]!.source;
        const { class: failureClass, status, message, attempts } = outcome;
        return writer.fail({ input: input.index, row, target, class: failureClass, status, message, attempts });
      }),
    );
    return outcomes;
  };

  function outcomeOf(row: Submitted, note: KnownNote | null, problem: string): Outcome {
    if (note?.state === 'created') {
      const met = meetKnown(
        { note, row, label: labelOf(row.ordinal) },
        { firstSeen, labelOf, sharedRun: runId, recoveredBefore: recovered },
      );
      return outcomeOfKnown({ note, draft: row.draft, ...met, recoveredBefore: recovered });
    }
    const isOpen = note?.state === 'claimed' || note?.state === 'sending' || note?.state === 'in_doubt';
    const tried = `${MOST_BARREN} attempts at its chunk got nowhere, the last because: ${problem}`;
    return isOpen
      ? failed('in_doubt', `it may have been sent, and no answer came: ${tried}; the next run looks for it`)
      : failed('server_error', `not sent: ${tried}; run the import again, and look at the logs of the workers if it happens again`);
  }
}

function failed(failureClass: RowFailure['class'], message: string): RowFailure {
  return { kind: 'failed', class: failureClass, status: null, message, details: null, attempts: 0 };
}
