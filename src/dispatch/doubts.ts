import type { Ledger, OpenNote } from '../ledger/ledger.js';
import type { LedgerWriter } from '../ledger/writer.js';
import type { Clock, Emit, NoteKey } from '../model.js';
import { createLanes } from './lanes.js';
import type { Doubt, Looker } from './look.js';
import { createPermits } from './permits.js';

export interface OldDoubtOptions {
  readonly ledger: Pick<Ledger, 'openNotes' | 'closingNotes' | 'shared'>;
  readonly writer: LedgerWriter;
  readonly looker: Looker;
  readonly emit: Emit;
  readonly clock: Clock;
  readonly stopped: AbortSignal;
  /** Epoch ms of our clock: when this run began. */
  readonly startedAt: number;
  readonly inDoubt: 'reconcile' | 'resend' | 'report';
}

const PAGE = 1000;

/**
 * Every run begins by looking at what earlier runs left in doubt, whether its input has it or not; and by the closing looks that a
 * killed run still owed.
 * @returns the notes that were found: their rows are `recovered` in this run
 * @throws LedgerError
 */
export async function settleOldDoubts(options: OldDoubtOptions): Promise<Set<NoteKey>> {
  const recovered = new Set<NoteKey>();
  const tally = { recovered: 0, absent: 0, open: 0, elsewhere: 0 };
  const [first] = await options.ledger.openNotes({ after: null, limit: 1 });
  if (first === undefined) return recovered;
  const startedAt = options.clock.now();
  options.emit({ type: 'paused', cause: 'old_doubts', why: 'Looking for notes that an earlier run left in doubt.' });
  if (options.inDoubt === 'reconcile') {
    await forEachNote(options.ledger.openNotes, options.stopped, async (note) => {
      if (note.state !== 'in_doubt') return;
      const found = await settleOne(note, options);
      tally[found]++;
      if (found === 'recovered') recovered.add(note.key);
    });
  }
  // Afterwards: what looks like a surplus copy may be the memory of an identical note that was in doubt.
  await forEachNote(options.ledger.openNotes, options.stopped, async (note) => {
    if (note.state === 'closing') await closingLook({ ...note, row: null }, options);
  });
  await takeClosingLooks(options);
  options.emit({ type: 'resumed', afterMs: options.clock.now() - startedAt });
  const { elsewhere: _, ...settled } = tally;
  if (tally.recovered + tally.absent + tally.open > 0) options.emit({ type: 'doubts_settled', ...settled });
  if (tally.open > 0) {
    const message = `${tally.open} notes of earlier runs are still in doubt: looking couldn't settle whether they are there. The next run looks again.`;
    options.emit({ type: 'warning', code: 'still_in_doubt', message });
  }
  return recovered;
}

type PageOf = (page: { readonly after: NoteKey | null; readonly limit: number }) => Promise<readonly OpenNote[]>;

/** Contacts side by side; the notes of one in turn: identical ones are told apart by the ids that the ledger knows after the first is settled. */
async function forEachNote(pageOf: PageOf, stopped: AbortSignal, work: (note: OpenNote) => Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  const waiting = createPermits(PAGE);
  const runOne = async (note: OpenNote): Promise<void> => {
    try {
      if (errors.length === 0) await work(note);
    } catch (error) {
      errors.push(error);
    } finally {
      waiting.release(1);
    }
  };
  // All of a page wait side by side: the pool bounds the requests.
  const lanes = createLanes({ places: PAGE, run: runOne });

  let after: NoteKey | null = null;
  for (;;) {
    const page: readonly OpenNote[] = stopped.aborted ? [] : await pageOf({ after, limit: PAGE });
    for (const note of page) {
      after = note.key;
      await waiting.acquire(1);
      lanes.add(note.contactId, note);
    }
    if (page.length < PAGE) break;
  }
  await waiting.idle();
  if (errors.length > 0) throw errors[0];
}

async function settleOne(
  note: OpenNote,
  { ledger, writer, looker }: OldDoubtOptions,
): Promise<'recovered' | 'absent' | 'open' | 'elsewhere'> {
  const { shared } = ledger;
  // Another process looks for it, or works on its contact: a look would take one's memory for the other's.
  if (shared !== null && !(await shared.hold(note))) return 'elsewhere';
  const finding = await looker.settle({ ...note, row: null });
  switch (finding.kind) {
    case 'present':
      await writer.settle({
        key: note.key,
        to: 'created',
        memoryId: finding.memory.id,
        createdAt: finding.memory.createdAtText,
        how: 'recovered',
        attempts: 0,
        closingLook: finding.surplus.length > 0,
      });
      return 'recovered';
    case 'absent':
      await writer.settle({ key: note.key, to: 'released', doubted: true });
      return 'absent';
    case 'unproven':
    case 'stopped':
      await shared?.letGo(note.key);
      return 'open';
  }
}

/**
 * The closing looks that this run owes, as its ledger has them: they may be too many for memory.
 * @throws LedgerError
 */
export async function takeClosingLooks(options: ClosingOptions): Promise<void> {
  await forEachNote(options.ledger.closingNotes, options.stopped, (note) => {
    // Claimed before the first answer, it has no difference of clocks in the ledger; by now ours is known.
    const skewMs = note.claimedAt >= options.startedAt ? 'ours' : note.skewMs;
    return closingLook({ ...note, skewMs }, options);
  });
}

export type ClosingOptions = { readonly ledger: Pick<Ledger, 'closingNotes'> } & Pick<
  OldDoubtOptions,
  'writer' | 'looker' | 'emit' | 'stopped' | 'startedAt'
>;

/** The last look at a note that was sent again: what its first request made late is told, never deleted. */
async function closingLook(
  note: Doubt & Pick<OpenNote, 'key'>,
  { looker, writer, emit }: Pick<OldDoubtOptions, 'looker' | 'writer' | 'emit'>,
): Promise<void> {
  const finding = await looker.once({ ...note, since: note.claimedAt });
  if (finding.kind === 'stopped' || finding.kind === 'unproven') return; // the next run looks
  if (finding.kind === 'present') {
    const copies = [finding.memory, ...finding.surplus].map(({ id }) => id);
    emit({ type: 'surplus', contactId: note.contactId, memoryIds: copies });
  }
  await writer.settle({ key: note.key, to: 'closed' });
}
