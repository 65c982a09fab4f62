import type { KnownNote } from '../ledger/ledger.js';
import type { LedgerWriter } from '../ledger/writer.js';
import type { Clock, Fingerprint, MappedRow, NoteKey, Outcome, RunId } from '../model.js';
import { outcomeOfKnown } from './known.js';
import type { Doubt } from './look.js';
import { type Others, type Patience, patienceWith } from './others.js';

/** A row whose turn it may be: `base` is what several identical rows have in common, `ordinal` its number over all inputs. */
export type Submitted = MappedRow & { readonly base: Fingerprint; readonly ordinal: number };

/** Ours to send, durably so. */
export interface ClaimedRow {
  readonly kind: 'claimed';
  /** The row with the occurrence that it turned out to be. */
  readonly row: Submitted;
  readonly key: NoteKey;
  /** Epoch ms: no request of it left before, in this run or an earlier one whose answer was lost. */
  readonly claimedAt: number;
  readonly skewMs: Doubt['skewMs'];
  readonly doubtedBefore: boolean;
}

/** The ledger knows the note, and it isn't to be sent. */
export interface KnownToLedger {
  readonly kind: 'known';
  readonly row: Submitted;
  readonly outcome: Outcome;
}

export interface ClaimOptions {
  readonly writer: LedgerWriter;
  readonly clock: Clock;
  /** How far the server's clock is ahead of ours; null: not known yet. */
  readonly skewMs: () => number | null;
  /** Which note this run has met before, and in which row. */
  readonly firstSeen: { meet(key: NoteKey, ordinal: number): number | null; has(key: NoteKey): boolean };
  readonly labelOf: (ordinal: number) => string;
  /** Notes that an earlier run left in doubt and this one found by looking, before its first row. */
  readonly recoveredBefore: ReadonlySet<NoteKey>;
  readonly withOccurrence: (base: Fingerprint, occurrence: number) => Fingerprint;
  readonly inDoubt: 'reconcile' | 'resend' | 'report';
  readonly duplicates: 'skip' | 'create';
  /** null: no other process writes this ledger. */
  readonly others: Others | null;
  /** The run, where several processes work for it: what it has met before stands in the ledger then. null: this process is all of it. */
  readonly sharedRun: RunId | null;
}

/** Claims rows when their turn comes: only then is it known what became of an identical one before. */
export interface Claims {
  /**
   * null: the run stopped while it waited for another process.
   * @param onWait called where it has to wait
   * @throws LedgerError
   */
  claim(row: Submitted, label: string, onWait: () => void): Promise<ClaimedRow | KnownToLedger | null>;
}

export function createClaims(options: ClaimOptions): Claims {
  // `--duplicates create`: a thousandth identical row doesn't ask for all that came before it.
  const lastOccurrence = new Map<Fingerprint, number>();

  return {
    async claim(row, label, onWait) {
      const { draft } = row;
      const { others } = options;
      let patience: Patience | null = null;
      let { fingerprint, occurrence } = draft;
      const skipped = lastOccurrence.get(row.base);
      if (skipped !== undefined && occurrence === 1) {
        occurrence = skipped + 1;
        fingerprint = options.withOccurrence(row.base, occurrence);
      }
      for (;;) {
        const claimedAt = options.clock.now();
        const skewMs = options.skewMs();
        const answer = await options.writer.claim({
          fingerprint,
          contactId: draft.contactId,
          subOrg: draft.subOrg,
          sentHash: draft.sentHash,
          inputHash: draft.inputHash,
          row: label,
          claimedAt,
          skewMs,
          takeDoubt: options.inDoubt === 'resend',
        });
        if (occurrence > draft.occurrence) lastOccurrence.set(row.base, occurrence);
        // failures.csv carries the occurrence along: imported again, the row is the same one of several identical notes.
        const identified = occurrence === draft.occurrence ? row : { ...row, draft: { ...draft, fingerprint, occurrence } };
        if (answer.kind === 'claimed') {
          // Met now, so that an identical row is known to be a later one.
          options.firstSeen.meet(answer.key, row.ordinal);
          return {
            kind: 'claimed',
            row: identified,
            key: answer.key,
            claimedAt: answer.doubtedSince ?? claimedAt,
            skewMs: answer.doubtedSince === null ? 'ours' : answer.doubtedSkewMs,
            doubtedBefore: answer.doubtedSince !== null,
          };
        }
        if (answer.kind === 'busy') {
          if (others === null) throw new Error('a ledger that nobody shares is never busy');
          onWait();
          patience = patienceWith(answer.note, patience, claimedAt);
          const waited = await others.wait(answer, patience);
          if (waited === null) return null;
          if (waited === 'ask_again') continue;
          return { kind: 'known', row: identified, outcome: waited };
        }
        const { note } = answer;
        if (others !== null && note.state === 'in_doubt') {
          onWait();
          const looked = await others.lookFor(note);
          if (looked === null) return null;
          if (looked === 'ask_again') continue;
        }
        const met = meetKnown({ note, row, label }, options);
        if (met.firstRow !== null && options.duplicates === 'create') {
          occurrence++;
          fingerprint = options.withOccurrence(row.base, occurrence);
          continue;
        }
        const outcome = outcomeOfKnown({ note, draft, ...met, recoveredBefore: options.recoveredBefore });
        return { kind: 'known', row: identified, outcome };
      }
    },
  };
}

/** Who met the note before in this run: another row (its label), or this very row in another process, which didn't live to tell. */
export function meetKnown(
  met: { readonly note: KnownNote; readonly row: Submitted; readonly label: string },
  { firstSeen, labelOf, sharedRun, recoveredBefore }: Pick<ClaimOptions, 'firstSeen' | 'labelOf' | 'sharedRun' | 'recoveredBefore'>,
): { readonly firstRow: string | null; readonly isOwn: boolean } {
  const { note, row, label } = met;
  const first = firstSeen.meet(note.key, row.ordinal);
  if (first !== null) return { firstRow: labelOf(first), isOwn: false };
  // What was found by looking has the row of the run that had left it in doubt.
  const isOfRun = note.runId === sharedRun && !recoveredBefore.has(note.key);
  if (!isOfRun) return { firstRow: null, isOwn: false };
  return note.row === label ? { firstRow: null, isOwn: true } : { firstRow: note.row, isOwn: false };
}
