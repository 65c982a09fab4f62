import type { ClaimAnswer, KnownNote, SharedLedger } from '../ledger/ledger.js';
import type { LedgerWriter } from '../ledger/writer.js';
import type { Clock, NoteKey, RowFailure, RunId } from '../model.js';
import type { Looker } from './look.js';

/** What a row does whose note, or whose contact, another process works on: it waits, and goes on where that one ended or died. */
export interface Others {
  /** Waits a little, longer each time. A failure: the other one has got nowhere for too long. null: the run stopped. */
  wait(busy: Extract<ClaimAnswer, { kind: 'busy' }>, patience: Patience): Promise<'ask_again' | RowFailure | null>;
  /** Looks for a note that came into doubt since this run began: the process that had claimed it died. */
  lookFor(note: KnownNote): Promise<'ask_again' | 'in_doubt' | null>;
}

/** How long a row has waited, and for what. */
export interface Patience {
  readonly note: NoteKey | null;
  readonly since: number;
  readonly waitMs: number;
}

export interface OthersOptions {
  readonly shared: SharedLedger;
  /** This run's. Several processes may work for it: what one of them left in doubt another one looks for. */
  readonly runId: RunId;
  readonly looker: Pick<Looker, 'settle'>;
  readonly writer: LedgerWriter;
  readonly clock: Clock;
  readonly stopped: AbortSignal;
  readonly giveUpAfterMs: number;
  readonly inDoubt: 'reconcile' | 'resend' | 'report';
  /** Epoch ms of our clock: when this run began. */
  readonly startedAt: number;
  /** Notes that this run found by looking; those found here are added. */
  readonly recovered: Set<NoteKey>;
}

const FIRST_WAIT_MS = 50;
const MAX_WAIT_MS = 1000;

export function createOthers(options: OthersOptions): Others {
  const { shared, runId, looker, writer, clock, stopped, giveUpAfterMs } = options;
  /** Looked for without a proof: not once more for each row. */
  const unproven = new Set<NoteKey>();

  return {
    async wait({ by }, patience) {
      if (stopped.aborted) return null;
      if (clock.now() - patience.since >= giveUpAfterMs) {
        const message = `not sent: ${by} works on the same contact and has got nowhere for ${Math.round(giveUpAfterMs / 1000)} s (--give-up-after); run the import again`;
        return { kind: 'failed', class: 'held', status: null, message, details: null, attempts: 0 };
      }
      await clock.sleep(patience.waitMs, stopped);
      return stopped.aborted ? null : 'ask_again';
    },
    async lookFor({ key }) {
      if (options.inDoubt !== 'reconcile' || unproven.has(key)) return 'in_doubt';
      const note = await shared.inDoubt(key);
      if (note === null) return 'ask_again';
      // Of those that others left in doubt before, the run has looked for all.
      if (note.runId !== runId && note.since < options.startedAt) return 'in_doubt';
      if (!(await shared.hold(note))) {
        await clock.sleep(FIRST_WAIT_MS, stopped);
        return stopped.aborted ? null : 'ask_again';
      }
      const finding = await looker.settle({ ...note, row: null });
      switch (finding.kind) {
        case 'present': {
          const { id, createdAtText } = finding.memory;
          const closingLook = finding.surplus.length > 0;
          await writer.settle({ key, to: 'created', memoryId: id, createdAt: createdAtText, how: 'recovered', attempts: 0, closingLook });
          options.recovered.add(key);
          return 'ask_again';
        }
        case 'absent':
          await writer.settle({ key, to: 'released', doubted: true });
          return 'ask_again';
        case 'unproven':
          unproven.add(key);
          await shared.letGo(key);
          return 'in_doubt';
        case 'stopped':
          await shared.letGo(key);
          return null;
      }
    },
  };
}

/** Begins anew where the other one got on to another note: then it is at work. */
export function patienceWith(note: NoteKey | null, before: Patience | null, now: number): Patience {
  if (before === null || (before.note !== note && note !== null)) return { note, since: now, waitMs: FIRST_WAIT_MS };
  return { note: note ?? before.note, since: before.since, waitMs: Math.min(before.waitMs * 2, MAX_WAIT_MS) };
}
