import { hash } from 'node:crypto';
import type { Fingerprint } from '../model.js';

/** What identifies a note: where it goes, and what it is. */
export interface NoteIdentity {
  /** As it is sent, trimmed. Not normalised: two spellings are two paths, so perhaps two contacts. */
  readonly contactId: string;
  /** The sub organization it is sent to, the default one included; null where no header is sent. */
  readonly subOrg: string | null;
  readonly content: NoteContent;
}

export type NoteContent =
  /** Name and text as the input has them; null where `--set` gives them, since options are no part of an identity. */
  | { readonly kind: 'note'; readonly name: string | null; readonly text: string | null }
  /** `--id-column`: the CRM's own id of the note, instead of its content. */
  | { readonly kind: 'id'; readonly id: string };

/** The note's identity: equal for two rows if, and only if, they are the same note. SHA-256 in hex. */
export function fingerprintOf({ contactId, subOrg, content }: NoteIdentity): Fingerprint {
  const address = field(contactId) + field(subOrg);
  return content.kind === 'id'
    ? fingerprint(ID_TAG + address + field(canonical(content.id)))
    : fingerprint(NOTE_TAG + address + field(canonicalOrNull(content.name)) + field(canonicalOrNull(content.text)));
}

/** Both of a note that is sent: its identity, and `contentHash` of what is sent. Mostly they are of the same words, read through once. */
export function fingerprintAndHash(
  { contactId, subOrg, content }: NoteIdentity,
  sent: { readonly name: string; readonly text: string },
): { readonly base: Fingerprint; readonly sentHash: string } {
  const sentFields = contentFields(sent.name, sent.text);
  const isWhatIsSent = content.kind === 'note' && content.name === sent.name && content.text === sent.text;
  const base = isWhatIsSent
    ? fingerprint(NOTE_TAG + field(contactId) + field(subOrg) + sentFields)
    : fingerprintOf({ contactId, subOrg, content });
  return { base, sentHash: sha256(CONTENT_TAG + sentFields) };
}

/** The identity of the n-th of several identical notes (`--duplicates create`). The first one's is the base itself. */
export function withOccurrence(base: Fingerprint, occurrence: number): Fingerprint {
  return occurrence === 1 ? base : fingerprint(OCCURRENCE_TAG + field(base) + field(String(occurrence)));
}

/**
 * The identity of one of the memories that a note becomes which is too long for one. The last one's isn't this: it is the note's own.
 *
 * @param inputHash see `Draft`: with `--id-column` a changed text makes other parts
 * @param number from 1
 */
export function partFingerprint(base: Fingerprint, part: { inputHash: string | null; number: number; count: number }): Fingerprint {
  return fingerprint(PART_TAG + field(base) + field(part.inputHash) + field(String(part.number)) + field(String(part.count)));
}

/**
 * Hash of a note's content that survives what servers do to it: trimming, NFC, CRLF → LF. What is sent, what the input has and what a
 * list shows are all compared by it. SHA-256 in hex.
 */
export function contentHash(name: string, text: string): string {
  return sha256(CONTENT_TAG + contentFields(name, text));
}

function contentFields(name: string, text: string): string {
  return field(canonical(name)) + field(canonical(text));
}

// The tags keep the kinds apart: no note's identity is another note's id, or a content. Changing one, or anything below,
// makes every note of every ledger look new: never without a migration.
const NOTE_TAG = 'memory-import/note/1;';
const ID_TAG = 'memory-import/note-id/1;';
const OCCURRENCE_TAG = 'memory-import/occurrence/1;';
const PART_TAG = 'memory-import/part/1;';
const CONTENT_TAG = 'memory-import/content/1;';

/** Trimmed, NFC, line ends as LF. Applying it twice changes nothing. */
function canonical(value: string): string {
  const trimmed = value.trim();
  const lines = trimmed.includes('\r') ? trimmed.replace(/\r\n?/g, '\n') : trimmed;
  // Nothing below U+0300 is changed by NFC, and most notes hold nothing above it.
  return MAY_COMPOSE.test(lines) ? lines.normalize('NFC') : lines;
}

const MAY_COMPOSE = /[\u0300-\uffff]/;

function canonicalOrNull(value: string | null): string | null {
  return value === null ? null : canonical(value);
}

/** Length first, so that no content can pretend to be the next field. The length is in UTF-16 units. */
function field(value: string | null): string {
  if (value === null) return '-;';
  if (value.isWellFormed()) return `${value.length}:${value};`;
  // UTF-8 has no lone surrogates: all would be hashed as U+FFFD. Rows with one are invalid, but a list may show one.
  return `${value.length}u${Buffer.from(value, 'utf16le').toString('hex')};`;
}

function fingerprint(bytes: string): Fingerprint {
  // The brand's only source.
  return sha256(bytes) as Fingerprint;
}

function sha256(bytes: string): string {
  return hash('sha256', bytes, 'hex');
}
