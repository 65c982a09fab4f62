import type { Ledger, SharedLedger, Transition } from '../ledger/ledger.js';
import type { Emit, MappedRow, NoteKey, Outcome, Part, RowFailure, SettledRow } from '../model.js';
import { assertNever, rowLabel } from '../model.js';
import type { Adopter } from './adopt.js';
import { type ClaimedRow, type ClaimOptions, createClaims, meetKnown, type Submitted } from './claim.js';
import { createContactLessons, type Lesson } from './contact-lessons.js';
import { type DeliverOptions, type Delivery, deliver } from './deliver.js';
import type { Gate } from './gate.js';
import { asStop, asStopOfAny, type Halt } from './halt.js';
import { outcomeOfKnown } from './known.js';
import { createLanes } from './lanes.js';
import type { Looker } from './look.js';
import { createMissingParts, ofAllParts, wholeRow } from './parts.js';
import { createPermits } from './permits.js';

/** Takes the rows that may have to be sent: claims each when its turn comes, sends it, settles it. */
export interface Dispatcher {
  /** Resolves when there is room for the next row: the admission of rows waits here. null: there is, and nothing to wait for. */
  submit(row: Submitted): Promise<void> | null;
  /** Resolves when every row taken so far is settled and reported, or given up because the run stopped. */
  idle(): Promise<void>;
}

export interface DispatchOptions extends ClaimOptions {
  readonly gate: Gate;
  readonly looker: Looker;
  readonly adopter: Adopter | null;
  readonly lookup: Ledger['lookup'];
  /** See `SharedLedger`; null: the ledger isn't shared. */
  readonly lateMemory: SharedLedger['lateMemory'] | null;
  readonly halt: Halt;
  readonly emit: Emit;
  /** The row is durable in the ledger; resolves when the reports have taken it. */
  readonly report: (row: SettledRow) => Promise<void>;
  /** What of a message may stand in the ledger: nothing of the note. */
  readonly publicMessage: (message: string, note: { readonly name: string; readonly text: string }) => string;
  readonly inputCount: number;
  readonly concurrency: number;
  readonly retries: number;
  readonly giveUpAfterMs: number;
  readonly order: 'contact' | 'none';
  /** What earlier rows of the run have shown elsewhere. Default: nothing, since all of them are dispatched here. */
  readonly lessons?: readonly Lesson[];
}

const MOST_CLAIMED_AHEAD = 96;
/**
 * How far the reader may be ahead of the settled rows: until so many more contacts have work than can be claimed, at most as many as there
 * are slots. More would cost time, too, since whatever outlives two collections of the young generation is copied twice and collected by
 * marking.
 */
const MOST_CONTACTS_AHEAD = 64;
/** Farther where rows wait for something else than the pool (a retry, a look), or one contact has thousands of notes in a row. */
const WINDOW_BYTES = 32 * 1024 * 1024;
/** A row costs more than its bytes. */
const ROW_OVERHEAD_BYTES = 4096;

export function createDispatcher(options: DispatchOptions): Dispatcher {
  const { writer, halt } = options;
  const { concurrency } = options;
  const places = concurrency + mostClaimedAhead(concurrency);
  const enough = places + Math.min(concurrency, MOST_CONTACTS_AHEAD);
  const window = createPermits(() => (lanes.count - lanes.waiting >= enough ? 0 : WINDOW_BYTES));
  const contacts = createContactLessons(options.order);
  for (const lesson of options.lessons ?? []) contacts.learn(lesson);
  const claims = createClaims(options);
  const missingParts = createMissingParts(options);
  /** Contacts whose lane is closed, and all of whose created notes the ledger knows. */
  const flushed = new Set<string>();
  const delivery: DeliverOptions = { ...options, stopped: halt.signal };
  let bug: unknown = null;

  const label = (row: Submitted) => rowLabel(row.source, options.inputCount);
  // A note is claimed when its lane has a place, shortly before it is sent: what a crash leaves claimed must all be looked for.
  const lanes = createLanes({ places, run: runRow, onEase: window.renew });

  /** One row, its turn having come. The lane goes on when the outcome is known; that it is durable is waited for on the side. */
  async function runRow(row: Submitted, leavePlace: () => void): Promise<void> {
    try {
      const done = halt.signal.aborted ? null : await settleRow(row, leavePlace);
      if (done === null) leave(row);
      else void finish(done);
    } catch (error) {
      leave(row);
      giveUp(error);
    }
  }

  interface Settled {
    /** The row with the occurrence that it turned out to be. */
    readonly row: Submitted;
    readonly outcome: Outcome;
    /** null: the ledger knows already, or the row was never claimed. */
    readonly step: Transition | null;
  }

  function settleRow(row: Submitted, leavePlace: () => void): Promise<Settled | null> {
    const unsent = (outcome: Outcome): Settled => ({ row, outcome, step: null });
    const missing = contacts.missing(row.draft);
    if (missing !== null) return Promise.resolve(unsent(missing));
    const held = contacts.held(row.draft);
    if (held !== null) return heldBack(row, held).then(unsent);
    const { parts } = row.draft;
    return parts === undefined ? settleNote(row, leavePlace) : settleParts(row, parts, leavePlace);
  }

  /** A note in several memories: one after the other. The last one settles the row, or the first that can't be had. */
  async function settleParts(row: Submitted, parts: readonly Part[], leavePlace: () => void): Promise<Settled | null> {
    const ids: (string | null)[] = [];
    const sent: Part[] = [];
    let attempts = 0;
    let isMade = false;
    for (const part of await missingParts(row.draft, parts)) {
      if (halt.signal.aborted) return null;
      const isLast = part === parts.at(-1);
      const settled = await settleNote({ ...row, ...part }, isLast ? leavePlace : () => {});
      if (settled === null) return null;
      const { outcome, step } = settled;
      if ('attempts' in outcome) attempts += outcome.attempts;
      if (outcome.kind === 'failed') {
        const message = `part ${parts.indexOf(part) + 1} of ${parts.length}: ${outcome.message}`;
        return { row, outcome: { ...outcome, message, attempts }, step };
      }
      if ('memoryId' in outcome) ids.push(outcome.memoryId);
      sent.push({ ...part, draft: settled.row.draft });
      isMade ||= outcome.kind === 'created' || outcome.kind === 'recovered';
      if (isLast) return { row: wholeRow(row, sent), outcome: ofAllParts(outcome, { ids, attempts, isMade }), step };
      // The next part doesn't wait for it; a crash now finds this one by looking.
      if (step !== null) void writer.settle(step).catch(giveUp);
    }
    throw new Error('a note in parts without a part');
  }

  /** Hot: almost every row comes through here, with one wait for its claim and one for its answer. */
  async function settleNote(row: Submitted, leavePlace: () => void): Promise<Settled | null> {
    const claimed = await claims.claim(row, label(row), leavePlace);
    if (claimed === null) return null;
    if (claimed.kind === 'known') return { row: claimed.row, outcome: closing(row, claimed.outcome), step: null };
    const { key } = claimed;
    if (options.adopter !== null) {
      const adopted = await adopt(claimed, options.adopter);
      if (adopted !== 'to_be_sent') return adopted;
    }
    const ended = await deliver(
      {
        draft: claimed.row.draft,
        label: label(claimed.row),
        claimedAt: claimed.claimedAt,
        skewMs: claimed.skewMs,
        doubtedBefore: claimed.doubtedBefore,
        lateMemory: () => options.lateMemory?.(key) ?? Promise.resolve(null),
        onFirstAnswer: leavePlace,
      },
      delivery,
    );
    return settle(claimed, ended);
  }

  /** `--adopt`: a note that is in the API already isn't sent, nor one of which that can't be told. */
  async function adopt({ key, row, doubtedBefore }: ClaimedRow, adopter: Adopter): Promise<Settled | null | 'to_be_sent'> {
    const adoption = await adopter.find(row.draft);
    switch (adoption.kind) {
      case 'found': {
        const { id, createdAtText } = adoption.memory;
        return {
          row,
          outcome: { kind: 'already_imported', memoryId: id, createdAt: createdAtText, changed: false },
          step: { key, to: 'created', memoryId: id, createdAt: createdAtText, how: 'adopted', attempts: 0, closingLook: false },
        };
      }
      case 'stopped':
        return release(key, false);
      case 'unproven': {
        const message = `not sent: --adopt couldn't tell whether it is there already, since ${adoption.why}`;
        return closedBy(row, key, { kind: 'failed', class: 'held', status: null, message, details: null, attempts: 0 }, doubtedBefore);
      }
      case 'absent':
        return 'to_be_sent';
      default:
        return assertNever(adoption);
    }
  }

  function settle({ key, row }: ClaimedRow, delivery: Delivery): Settled | Promise<null> {
    switch (delivery.kind) {
      case 'created':
      case 'recovered': {
        const { kind, memoryId, createdAt, attempts, surplus } = delivery;
        // More than one such memory may be another row's, whose look is yet to come: the closing look tells.
        const closingLook = delivery.sentAgain || surplus.length > 0;
        return {
          row,
          outcome: { kind, memoryId, createdAt, attempts },
          step: { key, to: 'created', memoryId, createdAt, how: kind, attempts, closingLook },
        };
      }
      case 'failed':
        return closedBy(row, key, delivery.failure, delivery.doubted);
      case 'in_doubt': {
        const { since, message, attempts } = delivery;
        const failure: RowFailure = { kind: 'failed', class: 'in_doubt', status: null, message, details: null, attempts };
        const step: Transition = { key, to: 'in_doubt', since, message: options.publicMessage(message, row.draft), attempts };
        return { row, outcome: closing(row, failure), step };
      }
      case 'abandoned':
        if (delivery.since === null) return release(key, delivery.doubted);
        return writer
          .settle({
            key,
            to: 'in_doubt',
            since: delivery.since,
            message: 'the run stopped before it was looked for',
            attempts: delivery.attempts,
          })
          .then(() => null);
      default:
        return assertNever(delivery);
    }
  }

  function closedBy(row: Submitted, key: NoteKey, failure: RowFailure, doubted: boolean): Settled {
    const message = options.publicMessage(failure.message, row.draft);
    const step: Transition = {
      key,
      to: 'failed',
      class: failure.class,
      status: failure.status,
      message,
      attempts: failure.attempts,
      doubted,
    };
    return { row, outcome: closing(row, failure), step };
  }

  /** Certainly not sent: as if it had never been claimed. */
  async function release(key: NoteKey, doubted: boolean): Promise<null> {
    await writer.settle({ key, to: 'released', doubted });
    return null;
  }

  function closing(row: Submitted, outcome: Outcome): Outcome {
    contacts.learn({ draft: row.draft, label: label(row), outcome });
    return outcome;
  }

  /** In a closed lane nothing is sent; what was imported before it was closed is a duplicate all the same. */
  async function heldBack(row: Submitted, held: RowFailure): Promise<Outcome> {
    const { contactId } = row.draft;
    // Nothing of the contact is created any more: from the first row on the ledger knows all that was.
    if (!flushed.has(contactId)) await writer.flush();
    flushed.add(contactId);
    const [note] = await options.lookup([row.draft.fingerprint]);
    if (note?.state === 'created' && options.duplicates === 'skip') {
      const met = meetKnown({ note, row, label: label(row) }, options);
      return outcomeOfKnown({ note, draft: row.draft, ...met, recoveredBefore: options.recoveredBefore });
    }
    return held;
  }

  async function finish({ row, outcome, step }: Settled): Promise<void> {
    try {
      const settled = step === null ? null : writer.settle(step);
      if (outcome.kind === 'failed') {
        const { class: failureClass, status, attempts } = outcome;
        const message = options.publicMessage(outcome.message, row.draft);
        const { input, row: number, target } = row.source;
        await Promise.all([
          settled,
          writer.fail({ input: input.index, row: number, target, class: failureClass, status, message, attempts }),
        ]);
      } else if (settled !== null) await settled;
      await options.report({ source: row.source, draft: row.draft, outcome });
    } catch (error) {
      giveUp(error);
    } finally {
      leave(row);
    }
  }

  /** Without order, what may be one note, or look like one in a list, still takes turns. With `--id-column` that is neither alone. */
  function laneOf({ draft }: Submitted): string {
    const isAlone = options.order === 'none' && draft.inputHash === null && draft.parts === undefined;
    return !isAlone ? draft.contactId : `${draft.contactId}\0${draft.sentHash}`;
  }

  function leave(row: Submitted): void {
    window.release(weightOf(row));
  }

  function giveUp(error: unknown): void {
    if (asStop(error) === null) bug ??= error; // thrown by idle(): a bug is told as one
    halt.stop(asStopOfAny(error));
  }
  return {
    submit(row) {
      if (!window.tryAcquire(weightOf(row))) return window.acquire(weightOf(row)).then(() => lanes.add(laneOf(row), row));
      lanes.add(laneOf(row), row);
      return null;
    },
    async idle() {
      await window.idle();
      if (bug !== null) throw bug;
    },
  };
}

/** Notes beyond the pool's slots that are claimed already when a slot gets free: some commits' worth. */
export function mostClaimedAhead(concurrency: number): number {
  return Math.min(concurrency, MOST_CLAIMED_AHEAD);
}

/** What it takes of the window. */
function weightOf(row: MappedRow): number {
  return row.source.bytes + ROW_OVERHEAD_BYTES;
}
