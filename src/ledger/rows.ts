import type { FailureClass, Fingerprint, NoteKey, RunId } from '../model.js';
import type { CreatedNote, KnownNote, NoteState, OpenNote, RecordedFailure, RunNote } from './ledger.js';

// From the rows of either store to the port's words. The casts are to what it alone has written, checked by its tables' types.

type Row = Record<string, unknown>;

export function toKnownNote(row: Row): KnownNote {
  const state = row.state as NoteState;
  return {
    key: row.note_key as NoteKey,
    state,
    runId: row.run_id as RunId,
    row: String(row.row),
    memoryId: textOrNull(row.memory_id),
    createdAt: textOrNull(row.created_at),
    how: row.how as KnownNote['how'],
    inputHash: row.input_hash === null ? null : hex(row.input_hash),
    attempts: Number(row.attempts),
    failure: failureOf(state, row),
  };
}

/** Of a note as a JSON array, in the order of `KNOWN_NOTES`. Hot where most of a file is known. */
export function toKnownNoteOfFields(runId: RunId, fields: readonly unknown[]): KnownNote {
  const state = fields[2] as NoteState;
  return {
    key: fields[1] as NoteKey,
    state,
    runId,
    row: String(fields[4]),
    memoryId: textOrNull(fields[5]),
    createdAt: textOrNull(fields[6]),
    how: fields[7] as KnownNote['how'],
    inputHash: textOrNull(fields[8]),
    attempts: Number(fields[9]),
    failure: failureOf(state, { class: fields[10], status: fields[11], message: fields[12] }),
  };
}

function failureOf(state: NoteState, row: Row): KnownNote['failure'] {
  if (state !== 'failed' && state !== 'in_doubt') return null;
  return {
    class: state === 'in_doubt' ? 'in_doubt' : (row.class as FailureClass),
    status: row.status as number | null,
    message: String(row.message ?? ''),
  };
}

export function toOpenNote(row: Row): OpenNote {
  return {
    key: row.note_key as NoteKey,
    fingerprint: hex(row.fingerprint) as Fingerprint,
    state: row.state === 'created' ? 'closing' : 'in_doubt',
    contactId: String(row.contact_id),
    subOrg: textOrNull(row.sub_org),
    sentHash: hex(row.sent_hash),
    row: String(row.row),
    runId: row.run_id as RunId,
    memoryId: textOrNull(row.memory_id),
    claimedAt: Number(row.claimed_at),
    skewMs: row.claim_skew === null ? null : Number(row.claim_skew),
    since: Number(row.since ?? row.settled_at ?? row.claimed_at),
  };
}

export function toRunNote(row: Row): RunNote {
  return {
    key: row.note_key as NoteKey,
    fingerprint: hex(row.fingerprint) as Fingerprint,
    contactId: String(row.contact_id),
    subOrg: textOrNull(row.sub_org),
    row: String(row.row),
    state: row.state as NoteState,
    memoryId: textOrNull(row.memory_id),
    createdAt: textOrNull(row.created_at),
    how: row.how as RunNote['how'],
    attempts: Number(row.attempts),
  };
}

export function toCreatedNote(row: Row): CreatedNote {
  return {
    key: row.note_key as NoteKey,
    contactId: String(row.contact_id),
    subOrg: textOrNull(row.sub_org),
    row: String(row.row),
    sentHash: hex(row.sent_hash),
    memoryId: textOrNull(row.memory_id),
    createdAt: textOrNull(row.created_at),
    how: row.how as CreatedNote['how'],
    claimedAt: Number(row.claimed_at),
    skewMs: row.claim_skew === null ? null : Number(row.claim_skew),
  };
}

export function toRecordedFailure(row: Row): RecordedFailure {
  return {
    number: Number(row.failure_number),
    input: Number(row.input),
    row: Number(row.row),
    // Opened to read, a ledger of an earlier version has no such column.
    target: Number(row.target ?? 0),
    class: row.class as FailureClass,
    status: row.status as number | null,
    message: String(row.message),
    attempts: Number(row.attempts),
  };
}

export function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}

/** The server's time, as it gave it, in epoch milliseconds; null: there is none. */
export function timeOf(text: unknown): number | null {
  const at = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

function hex(value: unknown): string {
  return Buffer.from(value as Uint8Array).toString('hex');
}
