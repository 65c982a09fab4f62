import { seededRandom } from '../../src/sandbox/faults.js';

/** A row of an input, as the API should get it. */
export interface Note {
  readonly contactId: string;
  readonly name: string;
  readonly text: string;
  readonly subOrg?: string;
}

const TEXTS = [
  'Called back, wants the quote by Friday',
  'Said "maybe next quarter", with a comma, and left it there',
  'First line\nsecond line\n\nlast line',
  'Größe geprüft; Äpfel geliefert – alles gut 👍🏽',
  '配送は来週の火曜日に変更',
  "=SUM(A1:A9) isn't a formula here",
  'C:\\path\\with\\backslashes and a tab\there',
];

/** So many different notes, scattered over the contacts; the same for the same seed. */
export function makeNotes({
  count,
  contacts,
  seed = 1,
  prefix = 'C',
}: {
  count: number;
  contacts: number;
  seed?: number;
  prefix?: string;
}): Note[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => ({
    contactId: `${prefix}-${Math.floor(random() * contacts) + 1}`,
    name: `Call ${i + 1}`,
    text: `${TEXTS[Math.floor(random() * TEXTS.length)]} (${prefix} note ${i + 1})`,
  }));
}

/** Notes as a CSV file: `contactId,name,text`, and `subOrg` where a note has one. */
export function csvOf(notes: readonly Note[], delimiter = ','): string {
  const withSubOrg = notes.some((note) => note.subOrg !== undefined);
  const header = ['contactId', 'name', 'text', ...(withSubOrg ? ['subOrg'] : [])];
  const rows = notes.map((note) => [note.contactId, note.name, note.text, ...(withSubOrg ? [note.subOrg ?? ''] : [])]);
  return csvText([header, ...rows], delimiter);
}

export function csvText(rows: readonly (readonly string[])[], delimiter = ','): string {
  return rows.map((cells) => `${cells.map((cell) => quoted(cell, delimiter)).join(delimiter)}\n`).join('');
}

function quoted(cell: string, delimiter: string): string {
  return /["\r\n]/.test(cell) || cell.includes(delimiter) || cell !== cell.trim() ? `"${cell.replaceAll('"', '""')}"` : cell;
}
